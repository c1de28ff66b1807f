#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void to_standard_error(const char *text) { dprintf(2, "supervisor: %s\n", text); }

void (*tell_failure)(const char *text) = to_standard_error;

void fail(int number, const char *format, ...) {
  char text[MOST_FAILURE_BYTES];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  size_t length = strlen(text);
  if (number != 0) snprintf(text + length, sizeof text - length, ": %s", strerror(number));
  tell_failure(text);
  // Not exit(): no one else's output waits in a buffer, and forked children come here too.
  _exit(EXIT_FAILED);
}
