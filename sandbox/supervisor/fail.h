/* How the supervisor itself fails. What a program does is never a failure here: it goes into the result record. */
#pragma once

enum { EXIT_FAILED = 70, MOST_FAILURE_BYTES = 400 };

/* Tells what went wrong, with errno's text when `number` is not 0, and ends with EXIT_FAILED. */
_Noreturn void fail(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where it is told: on standard error, unless a process has somebody who carries it further. */
extern void (*tell_failure)(const char *text);
