#include "warm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "clock.h"
#include "ending.h"
#include "fail.h"
#include "record.h"
#include "run.h"

enum {
  BUSY_LOOK_NS = 2 * MS,   /* how often requests are looked for while they come */
  IDLE_LOOK_NS = 25 * MS,  /* … and later: what is measured meanwhile must not notice */
  BUSY_NS = 2000 * MS,
  MOST_REQUESTS = 2000,    /* what is kept of each is little, and never given back */
  GRACE_SECONDS = 60,
};

/* One that is staged is renamed to a name without a dot; one that is withdrawn, back. */
static bool next_request(const char *folder, char *path, size_t size) {
  DIR *entries = opendir(folder);
  if (entries == NULL) fail(errno, "cannot look for requests in %s", folder);
  bool found = false;
  for (struct dirent *entry; !found && (errno = 0, entry = readdir(entries)) != NULL;) {
    char record[PATH_MAX + 64];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, size, "%s/%s", folder, entry->d_name);
    snprintf(record, sizeof record, "%s/result/record.json", path);
    found = access(record, F_OK) < 0 && errno == ENOENT;
  }
  closedir(entries);
  return found;
}

/* Runs one request to its end, and leaves its record. Nothing of it lives on. */
static void serve(struct cell *zygote, const char *path, unsigned number) {
  char file[PATH_MAX + 64];
  snprintf(file, sizeof file, "%s/given/job", path);
  struct job *job = read_job(file);
  // The users of one container are 64 in a row, the first is the zygote's.
  job->programs[0].user = zygote->program->user + 1 + number % 62;
  alarm((unsigned)(job->wall_ms / 1000) + GRACE_SECONDS);
  cgroup_mark();
  run_in(zygote, job, path);
  cgroup_mark();
  alarm(0);
}

/* Leaves the record of a zygote that did not get ready: how it ended, and what it said. */
static void tell_failed(struct cell *zygote, enum event event, int result) {
  const struct job *job = zygote->job;
  cell_kill(zygote);
  struct ending ending = ending_of(zygote, event, job->wall_ms);
  if (ended_well(&ending)) ending.code = 1;
  FILE *record = record_begin(job->nonce);
  write_run_json(record, zygote, &ending, NULL);
  record_usage(record, raw_ns() - zygote->began_ns, zygote->cpu_ms, zygote->peak_bytes);
  record_end(record, result);
}

static bool is_ready(const struct cell *zygote) {
  char byte;
  return recv(zygote->exchange, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'R';
}

static void say_ready(int result) {
  int file = openat(result, "ready", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) fail(errno, "cannot say that the zygote is ready");
  close(file);
}

/* Serves requests until none has come for so long, or the zygote has gone. */
static void serve_all(struct cell *zygote) {
  const struct job *job = zygote->job;
  char path[PATH_MAX];
  int64_t last = now_ns();
  for (unsigned number = 0; number < MOST_REQUESTS && now_ns() - last < job->idle_ms * MS;) {
    int64_t look_ns = now_ns() - last < BUSY_NS ? BUSY_LOOK_NS : IDLE_LOOK_NS;
    enum event event = cell_wait(zygote, now_ns() + look_ns, true);
    if (event != DEADLINE_PASSED) return;
    if (!next_request(job->trials, path, sizeof path)) continue;
    serve(zygote, path, number++);
    last = now_ns();
  }
}

void warm_job(const struct job *job) {
  int result = record_folder(job->result);
  struct cell zygote;
  cell_open(&zygote, job, &job->programs[0], result, "stdout", "stderr");
  int unplaced = cell_prepare(&zygote);
  if (unplaced != 0) fail(unplaced, "cannot lay out the zygote's files");
  int64_t began = now_ns();
  cell_start(&zygote);
  enum event event = cell_wait(&zygote, began + job->wall_ms * MS, true);
  // Most likely by ending: then how it ended says more.
  if (event == HUNG_UP) event = cell_wait(&zygote, began + job->wall_ms * MS, false);
  if (event == ANSWERED && is_ready(&zygote)) {
    alarm(0);
    say_ready(result);
    serve_all(&zygote);
    cell_kill(&zygote);
  } else tell_failed(&zygote, event, result);
  cell_close(&zygote);
}
