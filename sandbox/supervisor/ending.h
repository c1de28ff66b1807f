/* How a program ended, as `Ending` of the sandbox contract says it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cell.h"

struct ending {
  enum { EXITED, SIGNALLED, TIMED_OUT, OUT_OF_MEMORY, RESOURCE_LIMIT } kind;
  int code;             /* EXITED: exit code; SIGNALLED: number of the signal */
  const char *limit;    /* TIMED_OUT: wall or cpu */
  int64_t limit_ms, limit_mb;
  const char *resource; /* RESOURCE_LIMIT: output, fileSize, files or processes */
  char detail[160];
};

/* Judges a cell that was killed after `event`; `wall_ms` is the limit that DEADLINE_PASSED was about. */
struct ending ending_of(const struct cell *cell, enum event event, int64_t wall_ms);

struct ending resource_limit(const char *resource, const char *detail);

static inline bool ended_well(const struct ending *ending) { return ending->kind == EXITED && ending->code == 0; }

void write_ending_json(const struct ending *ending, FILE *to);
