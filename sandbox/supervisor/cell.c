#include "cell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "fail.h"

/* How often limits are looked at that nothing tells of. */
enum { TICK_MS = 20 };

/* By when a stopped tree must stand still. */
enum { STOP_MS = 5000 };

static const struct cells *kind;

void cells_open(const struct job *job) {
  kind = job->in_container ? &container_cells : &bubblewrap_cells;
  // A write to a program that is gone is an errno, not the end of the supervisor.
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) fail(errno, "cannot ignore a signal");
}

void cell_open(struct cell *cell, const struct job *job, const struct program *program, int result, const char *out,
               const char *err) {
  cell_open_in(cell, NULL, job, program, result, out, err);
}

void cell_open_in(struct cell *cell, struct cell *zygote, const struct job *job, const struct program *program, int result, const char *out,
                  const char *err) {
  *cell = (struct cell){.job = job,
                        .zygote = zygote,
                        .program = program,
                        .output_left = job->output_bytes,
                        .exchange = -1,
                        .control = -1,
                        .outputs = -1,
                        .slot = -1,
                        .pid = -1,
                        .ended = true,
                        .user = program->user};
  cell->watch.cpu_ms = job->cpu_ms;
  capture_open(&cell->out, result, out);
  capture_open(&cell->err, result, err);
  kind->open(cell);
}

/* Whether it was the program's files that did not fit where they belong; all else is the host's trouble. */
static bool does_not_fit(int number) {
  return number == ENOSPC || number == EFBIG || number == ENOMEM || number == ENAMETOOLONG || number == ELOOP;
}

int cell_prepare(struct cell *cell) {
  cell->ended = false;
  int result = kind->prepare(cell);
  if (result != 0 && !does_not_fit(result)) fail(result, "cannot lay out the files of program %s", cell->program->name);
  return result;
}

void cell_start(struct cell *cell) { kind->start(cell); }

static bool has_message(const struct cell *cell) {
  char byte;
  return recv(cell->exchange, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* A fork's memory is held with its zygote's by their control group; what it may use less than that is looked at. */
static bool uses_too_much(struct cell *cell) {
  if (cell->zygote == NULL) return false;
  int64_t used = cgroup_used_bytes();
  if (used > cell->peak_bytes) cell->peak_bytes = used;
  return used > cell->job->memory_bytes;
}

enum event cell_wait(struct cell *cell, int64_t deadline_ns, bool for_answer) {
  int64_t next_tick = now_ns() + TICK_MS * MS;
  for (;;) {
    int64_t now = now_ns();
    if (cell->ended) return ENDED;
    if (now >= deadline_ns) return DEADLINE_PASSED;
    if (now >= next_tick) {
      enum event excess = kind->tick(cell);
      if (excess == ANSWERED && uses_too_much(cell)) excess = OVER_MEMORY;
      if (excess != ANSWERED) return excess;
      next_tick = now_ns() + TICK_MS * MS;
    }
    int64_t until = deadline_ns < next_tick ? deadline_ns : next_tick;
    struct timespec patience = {.tv_sec = 0, .tv_nsec = until > now ? (until - now) % 1000000000LL : 0};
    struct pollfd sources[] = {
        {.fd = for_answer ? cell->exchange : -1, .events = POLLIN},
        {.fd = cell->out.pipe, .events = POLLIN},
        {.fd = cell->err.pipe, .events = POLLIN},
        {.fd = kind->signal_source(cell), .events = POLLIN},
    };
    int ready = ppoll(sources, sizeof sources / sizeof *sources, &patience, NULL);
    cell->answered_ns = raw_ns();
    if (ready < 0 && errno != EINTR) fail(errno, "cannot wait for program %s", cell->program->name);
    if (ready <= 0) continue;
    bool hung_up = sources[0].revents & (POLLHUP | POLLERR);
    if (sources[0].revents != 0 && (!hung_up || has_message(cell))) return ANSWERED;
    capture_read(&cell->out, &cell->output_left);
    capture_read(&cell->err, &cell->output_left);
    if (cell->output_left < 0) return OVER_OUTPUT;
    if (sources[3].revents != 0) {
      enum event found = kind->look(cell);
      if (found != ANSWERED) return found;
    }
    if (hung_up) return HUNG_UP;
  }
}

static bool same_stillness(struct stillness one, struct stillness other) {
  return one.cpu_ns == other.cpu_ns && one.threads == other.threads;
}

bool cell_stop(struct cell *cell) {
  kind->stop(cell);
  bool still = false;
  for (int64_t give_up = now_ns() + STOP_MS * MS; !still && !cell->ended && now_ns() < give_up;) {
    struct stillness again;
    bool once = kind->stands_still(cell, &cell->stillness);
    cell->stopped_ns = raw_ns();
    // A thread is found stopped a moment before it leaves the processor.
    pause_ns(MS / 20);
    still = once && kind->stands_still(cell, &again) && same_stillness(cell->stillness, again);
  }
  cell->stopped = still;
  return still;
}

void cell_resume(struct cell *cell) {
  cell->stopped = false;
  kind->resume(cell);
}

bool cell_stood_still(struct cell *cell) {
  struct stillness now;
  return kind->stands_still(cell, &now) && same_stillness(cell->stillness, now);
}

void cell_kill(struct cell *cell) {
  uses_too_much(cell);
  kind->kill(cell);
  if (cell->output_left >= 0) capture_read(&cell->out, &cell->output_left);
  if (cell->output_left >= 0) capture_read(&cell->err, &cell->output_left);
  capture_close(&cell->out);
  capture_close(&cell->err);
}

void cell_copy(struct cell *cell, int result, unsigned *number, struct outputs *outputs) {
  kind->copy(cell, result, number, outputs);
}

void cell_close(struct cell *cell) {
  kind->close(cell);
  capture_end(&cell->out);
  capture_end(&cell->err);
  if (cell->exchange >= 0) close(cell->exchange);
  cell->exchange = -1;
}
