/* Bytes from programs, on their way into the JSON of the result record. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Length in bytes of the character at `at` (1 to 4), or 0 where it is not valid UTF-8. */
size_t character_length(const unsigned char *at, size_t left);

/* True where `text` is valid UTF-8 without control characters. */
bool is_clean_text(const char *text);

/* Writes a JSON string; what is not valid UTF-8 becomes U+FFFD, NUL and other control characters are escaped. */
void write_json(FILE *to, const char *bytes, size_t length);
