#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

static const char *memory_folder, *pids_folder, *cpu_folder;
/* In a container the supervisor is in the group too, and what started it was. */
static bool counts_us;
static int64_t before_ms, before_kills, before_refusals;

static int64_t own_cpu_ms(void) {
  struct rusage use;
  if (getrusage(RUSAGE_SELF, &use) < 0) fail(errno, "cannot read what the supervisor used");
  return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000LL + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}

void cgroup_open(const struct job *job) {
  memory_folder = job->cgroup_memory;
  pids_folder = job->cgroup_pids;
  cpu_folder = job->cgroup_cpu;
  if (!job->in_container) return;
  bool unified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  memory_folder = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  pids_folder = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
  cpu_folder = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpuacct";
  counts_us = true;
  before_ms = cgroup_cpu_ms();
}

/* The number in `folder/name`, or the one after `key` in it; -1 where there is none. */
static int64_t read_number(const char *folder, const char *name, const char *key) {
  if (folder == NULL) return -1;
  char path[PATH_MAX], text[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  // Not there, or not shown: some engines do without. Whatever else it is, a limit that was passed would not be seen.
  if (file < 0 && (errno == ENOENT || errno == EACCES || errno == ENODEV)) return -1;
  if (file < 0) fail(errno, "cannot open %s", path);
  ssize_t got = read(file, text, sizeof text - 1);
  if (got < 0 && errno != EOPNOTSUPP && errno != ENODEV) fail(errno, "cannot read %s", path);
  close(file);
  if (got <= 0) return -1;
  text[got] = '\0';
  if (key == NULL) return strtoll(text, NULL, 10);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
    if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ') return strtoll(line + strlen(key), NULL, 10);
  return -1;
}

static int64_t first_of(int64_t a, int64_t b) { return a >= 0 ? a : b >= 0 ? b : 0; }

int64_t cgroup_peak_bytes(void) {
  return first_of(read_number(memory_folder, "memory.peak", NULL), read_number(memory_folder, "memory.max_usage_in_bytes", NULL));
}

static int64_t all_oom_kills(void) {
  return first_of(read_number(memory_folder, "memory.events", "oom_kill"), read_number(memory_folder, "memory.oom_control", "oom_kill"));
}

static int64_t all_refused_processes(void) { return first_of(read_number(pids_folder, "pids.events", "max"), 0); }

int64_t cgroup_oom_kills(void) { return all_oom_kills() - before_kills; }

int64_t cgroup_refused_processes(void) { return all_refused_processes() - before_refusals; }

int64_t cgroup_used_bytes(void) {
  int64_t processes = first_of(read_number(memory_folder, "memory.stat", "anon"), read_number(memory_folder, "memory.stat", "total_rss"));
  return processes + first_of(read_number(memory_folder, "memory.stat", "shmem"), read_number(memory_folder, "memory.stat", "total_shmem"));
}

void cgroup_mark(void) {
  before_ms = 0;
  before_ms = cgroup_cpu_ms();
  before_kills = all_oom_kills();
  before_refusals = all_refused_processes();
}

int64_t cgroup_cpu_ms(void) {
  int64_t us = read_number(cpu_folder, "cpu.stat", "usage_usec");
  int64_t ns = us >= 0 ? us * 1000 : read_number(cpu_folder, "cpuacct.usage", NULL);
  if (ns < 0) return -1;
  int64_t used = ns / 1000000 - (counts_us ? own_cpu_ms() : 0) - before_ms;
  return used > 0 ? used : 0;
}

static void write_text(const char *folder, const char *name, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) fail(errno, "cannot write %s to %s", text, path);
  close(file);
}

/* In version 2 all controllers have one tree. */
static bool is_unified(const struct job *job) { return !strcmp(job->cgroup_freezer, job->cgroup_memory); }

static const char *freezer_of(const struct job *job, const char *name) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", job->cgroup_freezer, name);
  return path;
}

void cgroup_make(const struct job *job, const char *name) {
  if (job->cgroup_freezer != NULL && mkdir(freezer_of(job, name), 0755) < 0)
    fail(errno, "cannot make the control group %s", freezer_of(job, name));
}

void cgroup_join(const struct job *job, const char *name) {
  if (job->cgroup_freezer == NULL) return;
  // 0 stands for the writing process. A group with groups in it, as version 2 has them, takes no processes.
  if (!is_unified(job)) {
    write_text(job->cgroup_memory, "cgroup.procs", "0");
    write_text(job->cgroup_pids, "cgroup.procs", "0");
    write_text(job->cgroup_cpu, "cgroup.procs", "0");
  }
  write_text(freezer_of(job, name), "cgroup.procs", "0");
}

bool cgroup_freeze(const struct job *job, const char *name, bool frozen) {
  if (job->cgroup_freezer == NULL) return false;
  if (is_unified(job)) write_text(freezer_of(job, name), "cgroup.freeze", frozen ? "1" : "0");
  else write_text(freezer_of(job, name), "freezer.state", frozen ? "FROZEN" : "THAWED");
  return true;
}

/* The sum of what `look` gives for each number in a file of one number a line. */
static int64_t sum_over(const char *folder, const char *name, int64_t (*look)(pid_t)) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  if (file == NULL) fail(errno, "cannot open %s", path);
  int64_t sum = 0;
  for (int number; fscanf(file, "%d", &number) == 1;) sum += look(number);
  if (ferror(file)) fail(errno, "cannot read %s", path);
  fclose(file);
  return sum;
}

static int64_t one(pid_t pid) {
  (void)pid;
  return 1;
}

bool cgroup_stands_still(const struct job *job, const char *name, struct stillness *seen) {
  const char *folder = freezer_of(job, name);
  seen->threads = sum_over(folder, is_unified(job) ? "cgroup.threads" : "tasks", one);
  seen->waited_ns = sum_over(folder, is_unified(job) ? "cgroup.threads" : "tasks", thread_waited_ns);
  seen->cpu_ns = sum_over(folder, "cgroup.procs", process_cpu_ns);
  if (is_unified(job)) return read_number(folder, "cgroup.events", "frozen") == 1;
  char path[PATH_MAX + 32], state[16] = "";
  snprintf(path, sizeof path, "%s/freezer.state", folder);
  FILE *file = fopen(path, "re");
  if (file == NULL) fail(errno, "cannot open %s", path);
  if (fgets(state, sizeof state, file) == NULL) fail(errno, "cannot read %s", path);
  fclose(file);
  return !strcmp(state, "FROZEN\n");
}

/* What cannot be removed is left to the sweep: the result stands. */
static void remove_folder(const char *path) {
  for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 100; tries++) pause_ns(10 * MS);
}

void cgroup_remove(const struct job *job) {
  if (job->cgroup_freezer == NULL) return;
  for (size_t i = 0; i < job->program_count; i++) remove_folder(freezer_of(job, job->programs[i].name));
  remove_folder(job->cgroup_freezer);
  if (is_unified(job)) return;
  remove_folder(job->cgroup_memory);
  remove_folder(job->cgroup_pids);
  remove_folder(job->cgroup_cpu);
}
