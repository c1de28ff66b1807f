#include "text.h"

#include <string.h>

size_t character_length(const unsigned char *at, size_t left) {
  unsigned char first = at[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  // Over-long forms, surrogates and what lies above U+10FFFF.
  if (first == 0xe0 && at[1] < 0xa0) return 0;
  if (first == 0xed && at[1] > 0x9f) return 0;
  if (first == 0xf0 && at[1] < 0x90) return 0;
  if (first == 0xf4 && at[1] > 0x8f) return 0;
  return length;
}

bool is_clean_text(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  for (size_t left = strlen(text), length; left > 0; at += length, left -= length) {
    length = character_length(at, left);
    if (length == 0 || at[0] < 0x20 || at[0] == 0x7f) return false;
    if (at[0] == 0xc2 && at[1] < 0xa0) return false;
  }
  return true;
}

void write_json(FILE *to, const char *bytes, size_t length) {
  const unsigned char *at = (const unsigned char *)bytes;
  fputc('"', to);
  for (size_t left = length, step; left > 0; at += step, left -= step) {
    step = character_length(at, left);
    if (step == 0) {
      fputs("\\ufffd", to);
      step = 1;
    } else if (at[0] == '"' || at[0] == '\\') fprintf(to, "\\%c", at[0]);
    else if (at[0] < 0x20 || at[0] == 0x7f) fprintf(to, "\\u%04x", at[0]);
    else fwrite(at, 1, step, to);
  }
  fputc('"', to);
}
