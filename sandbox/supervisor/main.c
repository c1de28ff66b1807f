/* supervisor job FILE | init … | lock FILE MODE [KEY]. README.md says what each is for. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "conduct.h"
#include "fail.h"
#include "init.h"
#include "lock.h"
#include "run.h"
#include "warm.h"

/* What placing files, ending trees and copying outputs may take beyond the wall limit. */
enum { GRACE_SECONDS = 60 };

static void out_of_time(int signal) {
  (void)signal;
  // Programs end with the supervisor: with process 1 of the container, or as bubblewrap's parent dies.
  _exit(EXIT_FAILED);
}

static void job_main(const char *path) {
  const struct job *job = read_job(path);
  if (job->lock != NULL) take_lock(job->lock, job->lock_mode);
  // A handler of its own, because process 1 ignores signals it has none for.
  if (signal(SIGALRM, out_of_time) == SIG_ERR) fail(errno, "cannot set an alarm");
  alarm((unsigned)(job->wall_ms / 1000) + GRACE_SECONDS);
  cgroup_open(job);
  cells_open(job);
  if (job->conducts) conduct_job(job);
  else if (job->warms) warm_job(job);
  else run_job(job);
  cgroup_remove(job);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "job") && argc == 3) job_main(argv[2]);
  else if (!strcmp(mode, "init")) init_main(argc, argv);
  else if (!strcmp(mode, "lock")) lock_main(argc, argv);
  else fail(0, "usage: supervisor job FILE | lock FILE shared|exclusive [KEY]");
  return 0;
}
