/* How the supervisor itself fails. What a program does is never a failure here: it goes into the result record. */
#pragma once

enum { EXIT_FAILED = 70, EXIT_ABORTED = 75 };

/* Says what went wrong on standard error, with errno's text when `number` is not 0, and ends with EXIT_FAILED. */
_Noreturn void fail(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));
