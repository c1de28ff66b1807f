#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fail(int number, const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("supervisor: ", stderr);
  vfprintf(stderr, format, values);
  va_end(values);
  if (number != 0) fprintf(stderr, ": %s", strerror(number));
  fputc('\n', stderr);
  fflush(stderr);
  // Not exit(): no one else's output waits in a buffer, and forked children come here too.
  _exit(EXIT_FAILED);
}
