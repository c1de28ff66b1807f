#include "ending.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "clock.h"

/* What was full so shortly before the last look may be why. */
enum { FULL_MS = 1000 };

struct ending resource_limit(const char *resource, const char *detail) {
  struct ending ending = {.kind = RESOURCE_LIMIT, .resource = resource};
  snprintf(ending.detail, sizeof ending.detail, "%.150s", detail);
  return ending;
}

static struct ending over_output(const struct cell *cell) {
  char detail[100];
  snprintf(detail, sizeof detail, "more than %lld bytes on standard output and error", (long long)cell->job->output_bytes);
  return resource_limit("output", detail);
}

static struct ending over_processes(const struct cell *cell) {
  char detail[100];
  snprintf(detail, sizeof detail, "more than %lld processes and threads at once", (long long)cell->job->processes);
  return resource_limit("processes", detail);
}

/* Which file system in memory was full as the program ended: writing to mapped memory of its ends a program with SIGBUS. */
static void say_what_is_full(const struct space *space, struct ending *ending) {
  for (int i = 0; i < PLACES; i++)
    if (space->at[i].full_ns > 0 && space->at[i].full_ns > space->looked_ns - FULL_MS * MS)
      snprintf(ending->detail, sizeof ending->detail, "%s is full, it holds %lld MiB", place_names[i],
               (long long)(space->at[i].most_bytes >> 20));
}

/* Which of them took much of the memory. */
static void say_what_holds_memory(const struct space *space, struct ending *ending) {
  for (int i = 0; i < PLACES; i++)
    if (space->at[i].most_bytes >> 20 > ending->limit_mb / 4)
      snprintf(ending->detail, sizeof ending->detail, "%s held %lld MiB of it", place_names[i],
               (long long)(space->at[i].most_bytes >> 20));
}

struct ending ending_of(const struct cell *cell, enum event event, int64_t wall_ms) {
  const struct job *job = cell->job;
  struct ending exited = {.kind = EXITED, .code = WEXITSTATUS(cell->status)};
  struct ending out_of_memory = {.kind = OUT_OF_MEMORY, .limit_mb = job->memory_bytes >> 20};
  struct ending cpu_time = {.kind = TIMED_OUT, .limit = "cpu", .limit_ms = job->cpu_ms};
  say_what_holds_memory(&cell->watch.space, &out_of_memory);
  // Also where the main process lived on, and ended as if nothing had been.
  if (event == OVER_MEMORY || cgroup_oom_kills() > 0) return out_of_memory;
  if (event == OVER_OUTPUT || cell->output_left < 0) return over_output(cell);
  if (event == OVER_PROCESSES) return over_processes(cell);
  if (event == OVER_CPU) return cpu_time;
  if (event == ENDED && WIFEXITED(cell->status) && exited.code == 0) return exited;
  // It was refused a process and did not get over it.
  if (cgroup_refused_processes() > 0 || cell->watch.processes_reached) return over_processes(cell);
  if (event == DEADLINE_PASSED) return (struct ending){.kind = TIMED_OUT, .limit = "wall", .limit_ms = wall_ms};
  if (!WIFSIGNALED(cell->status)) return exited;
  if (WTERMSIG(cell->status) == SIGXCPU) return cpu_time;
  if (WTERMSIG(cell->status) == SIGXFSZ) {
    char detail[100];
    snprintf(detail, sizeof detail, "a file larger than %lld bytes", (long long)job->file_bytes);
    return resource_limit("fileSize", detail);
  }
  struct ending signalled = {.kind = SIGNALLED, .code = WTERMSIG(cell->status)};
  if (signalled.code == SIGBUS) say_what_is_full(&cell->watch.space, &signalled);
  return signalled;
}

static void write_detail(const struct ending *ending, FILE *to) {
  if (ending->detail[0] != '\0') fprintf(to, ",\"detail\":\"%s\"", ending->detail);
  fputc('}', to);
}

void write_ending_json(const struct ending *ending, FILE *to) {
  switch (ending->kind) {
    case EXITED:
      fprintf(to, "{\"kind\":\"exited\",\"code\":%d}", ending->code);
      return;
    case SIGNALLED: {
      const char *name = sigabbrev_np(ending->code);
      if (name != NULL) fprintf(to, "{\"kind\":\"signalled\",\"signal\":\"SIG%s\"", name);
      else fprintf(to, "{\"kind\":\"signalled\",\"signal\":\"SIGRT%d\"", ending->code);
      write_detail(ending, to);
      return;
    }
    case TIMED_OUT:
      fprintf(to, "{\"kind\":\"timedOut\",\"limit\":\"%s\",\"limitMs\":%lld}", ending->limit, (long long)ending->limit_ms);
      return;
    case OUT_OF_MEMORY:
      fprintf(to, "{\"kind\":\"outOfMemory\",\"limitMb\":%lld", (long long)ending->limit_mb);
      write_detail(ending, to);
      return;
    case RESOURCE_LIMIT:
      fprintf(to, "{\"kind\":\"resourceLimit\",\"resource\":\"%s\",\"detail\":\"%s\"}", ending->resource, ending->detail);
  }
}
