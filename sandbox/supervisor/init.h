/*
 * Process 1 of a bubblewrap: it copies the workspace, starts the program, watches its tree, stops, continues and ends it, and
 * copies its outputs, as the supervisor outside asks. The program runs as the same user, but a process 1 takes no signals from
 * within, and this one is closed to inspection (not dumpable).
 */
#pragma once
#include <stdint.h>

#include "fail.h"
#include "watch.h"
#include "watch.h"

/* File descriptors that process 1 gets. */
enum { INIT_EXCHANGE = 3, INIT_CONTROL = 4, INIT_OUTPUTS = 5, INIT_WORKSPACE = 6 };

/*
 * Further ones, of a process 1 below this one: it makes a process namespace, a network and file systems of its own for one fork of
 * the zygote, whose requests go through INIT_EXCHANGE.
 */
enum { INIT_IN = 7, INIT_SECCOMP = 8, INIT_FILES = 9 };

/* What the process 1 of a zygote gets, too: the rules on the zygote's system calls. */
enum { INIT_ZYGOTE_RULES = 7 };

/* One byte each, from the supervisor. Each is answered with one report. */
enum init_request { INIT_NEST = 'N', INIT_UNNEST = 'U', INIT_START = 'G', INIT_STOP = 'S', INIT_LOOK = 'L', INIT_CONTINUE = 'C', INIT_KILL = 'K', INIT_COPY = 'O' };

enum init_report_kind {
  INIT_PLACED = 1, /* the first: `number` is 0 or an errno */
  INIT_DONE,       /* what was asked for; for a look `number` is 1 where all stands still */
  INIT_ENDED,      /* unasked: the main process has ended */
  INIT_EXCESS,     /* unasked: `number` is an enum excess */
  INIT_FAILED,     /* unasked, and the last: `failure` says what process 1 could not do */
};

struct init_report {
  uint32_t kind;
  int32_t number, status; /* as of wait(2) */
  int32_t processes_reached;
  int64_t began_ns, ended_ns; /* CLOCK_MONOTONIC_RAW */
  int64_t cpu_ms, most_memory_bytes;
  struct stillness stillness; /* of the last look */
  struct space space;
  char failure[MOST_FAILURE_BYTES];
};

/*
 * INIT_NEST is followed by words, NUL-terminated: one of three numbers (bytes of memory, milliseconds of processor time, words that
 * follow), the words as below, the environment. With it come the file descriptors 0 to INIT_SECCOMP. INIT_UNNEST waits until all below is gone.
 */
enum { MOST_INIT_REQUEST = 1 << 17 };

/* init CPU_MS MEMORY_BYTES PROCESSES MOST_TASKS FILE_BYTES DISK_BYTES CWD SERVES PATTERNS [PATTERN…] ARGV… */
_Noreturn void init_main(int argc, char **argv);
