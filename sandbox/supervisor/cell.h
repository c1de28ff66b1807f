/*
 * A cell holds one untrusted program and all processes it makes. There are two kinds with the same operations: in a container
 * the supervisor is process 1 and tells programs apart by their user; on the host each program is in a bubblewrap of its own,
 * whose process 1 is this program too (`init.h`).
 *
 * The order: open, then any number of times prepare, start, wait…, kill, copy; at last close.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"
#include "job.h"
#include "outputs.h"
#include "watch.h"

struct cell {
  const struct job *job;
  struct cell *zygote;  /* of whose program this one is a fork; NULL: it is started */
  const struct program *program;
  struct capture out, err;
  int64_t output_left;  /* bytes of both, before the limit */
  int exchange;         /* our end of a serving program's socket, or -1 */

  bool ended;           /* the main process has ended, with `status` as of wait(2) */
  int status;
  int64_t began_ns, ended_ns; /* of the main process, CLOCK_MONOTONIC_RAW */
  int64_t answered_ns;  /* when the last answer was seen, CLOCK_MONOTONIC_RAW */

  bool stopped;         /* all of it was seen to stand still, and was not resumed */
  int64_t stopped_ns;   /* when that was first seen, CLOCK_MONOTONIC_RAW */
  struct stillness stillness; /* what was seen then */

  struct watch watch;
  int64_t cpu_ms, peak_bytes; /* what is known of it, after kill */

  pid_t pid;            /* the main process; on the host, bubblewrap */
  int control, outputs; /* host: to and from bubblewrap's process 1 */
  uid_t user;
  int slot;             /* host: lock on the user, or -1 */
  int64_t earlier_cpu_ms; /* host: of the program's earlier starts */
};

/* What `cell_wait` waited for. */
enum event { ANSWERED, HUNG_UP, ENDED, DEADLINE_PASSED, OVER_OUTPUT, OVER_CPU, OVER_MEMORY, OVER_PROCESSES };

struct cells {
  void (*open)(struct cell *cell);
  /* Lays out the program's files. Returns 0 or an errno: what it was given does not fit. */
  int (*prepare)(struct cell *cell);
  void (*start)(struct cell *cell);
  /* The file descriptor that becomes readable when something happened to the program, and what to do then. */
  int (*signal_source)(const struct cell *cell);
  enum event (*look)(struct cell *cell); /* ENDED or an excess; ANSWERED: nothing to report */
  /* Looks after the limits that need looking. As `look`. */
  enum event (*tick)(struct cell *cell);
  /* SIGSTOP to every process of the cell. */
  void (*stop)(struct cell *cell);
  /* SIGCONT to every process of the cell. */
  void (*resume)(struct cell *cell);
  /* Whether all of it stands still, by the state of every thread; `*seen` is what must stay as it is for as long as that lasts. */
  bool (*stands_still)(struct cell *cell, struct stillness *seen);
  /* Ends every process of the cell; when it returns there is none. */
  void (*kill)(struct cell *cell);
  void (*copy)(struct cell *cell, int result, unsigned *number, struct outputs *outputs);
  void (*close)(struct cell *cell);
};

extern const struct cells container_cells, bubblewrap_cells;

/* Chooses the kind of cells. Once, first. */
void cells_open(const struct job *job);

void cell_open(struct cell *cell, const struct job *job, const struct program *program, int result, const char *out, const char *err);
/* As `cell_open`, for a program that is a fork of `zygote`'s. */
void cell_open_in(struct cell *cell, struct cell *zygote, const struct job *job, const struct program *program, int result, const char *out,
                  const char *err);
int cell_prepare(struct cell *cell);
void cell_start(struct cell *cell);
/* Waits until the main process ended, a limit was passed, or, with `for_answer`, something came over the exchange: a message, or
 * its end without one. */
enum event cell_wait(struct cell *cell, int64_t deadline_ns, bool for_answer);
/*
 * Stops the tree and waits until all of it is seen to stand still: every thread by its state, and twice with the same processor
 * time. To be told to stop is not to have stopped: a system call can take seconds before it heeds a signal or a freezer. False
 * where it does not stand still in time.
 */
bool cell_stop(struct cell *cell);
void cell_resume(struct cell *cell);
/* Whether a stopped tree has stood still since, having used no processor time. There are ways to be continued, or to be ended with
 * much to tear down: a timer's signal is one. */
bool cell_stood_still(struct cell *cell);
/* Ends the tree, and takes in what it had still written; the output limit may turn out passed: `output_left` < 0. */
void cell_kill(struct cell *cell);
void cell_copy(struct cell *cell, int result, unsigned *number, struct outputs *outputs);
void cell_close(struct cell *cell);
