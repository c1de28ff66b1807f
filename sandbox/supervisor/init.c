#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "copier.h"
#include "fail.h"
#include "launch.h"
#include "place.h"
#include "watch.h"

enum { TICK_MS = 20 };

struct init {
  struct program program;
  struct watch watch;
  int64_t most_tasks, file_bytes, disk_bytes;
  pid_t pid;
  bool excess_reported;
  struct init_report report; /* what is known so far; sent with another kind each time */
};

static void report(struct init *init, enum init_report_kind kind, int number) {
  init->report.kind = kind;
  init->report.number = number;
  init->report.processes_reached = init->watch.processes_reached;
  init->report.most_memory_bytes = init->watch.most_memory_bytes;
  init->report.space = init->watch.space;
  if (send(INIT_CONTROL, &init->report, sizeof init->report, MSG_NOSIGNAL) < 0) _exit(EXIT_FAILED);
}

/* A failure of this process reaches the supervisor by the socket: standard error is the program's. */
static void to_supervisor(const char *text) {
  struct init_report report = {.kind = INIT_FAILED};
  snprintf(report.failure, sizeof report.failure, "%s", text);
  // Where the supervisor is gone there is nobody to tell.
  (void)send(INIT_CONTROL, &report, sizeof report, MSG_NOSIGNAL);
}

static int place_program(const struct program *program) {
  int result = make_home(program->cwd);
  if (result == 0) result = place_tree(INIT_WORKSPACE, program->cwd, 0755);
  // A folder of the host: no program may be left with it.
  close(INIT_WORKSPACE);
  return result;
}

static void start(struct init *init) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) fail(errno, "cannot open /dev/null");
  struct streams streams = {null, 1, 2, init->program.serves ? INIT_EXCHANGE : -1};
  init->report.began_ns = raw_ns();
  init->pid = launch(&init->program, NULL, SAME_USER, init->most_tasks, streams);
  // So that the far ends close when the program and its children have closed theirs.
  if (dup2(null, 1) < 0 || dup2(null, 2) < 0) fail(errno, "cannot let go of the program's streams");
  close(INIT_EXCHANGE);
  close(null);
}

static void reap(struct init *init, int flags) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, flags)) > 0) {
    if (pid != init->pid) continue;
    init->report.ended_ns = raw_ns();
    init->report.status = status;
    // At once: what helped it may clear its shared memory away now.
    look_at_space(&init->watch.space);
    init->pid = -1;
    report(init, INIT_ENDED, 0);
  }
  if (pid < 0 && errno != ECHILD) fail(errno, "cannot wait for the program's processes");
}

static void signal_all(int number) {
  if (kill(-1, number) < 0 && errno != ESRCH) fail(errno, "cannot signal the program's processes");
}

static void end_tree(struct init *init) {
  // All that will ever be here: nothing can be made while kill goes through the list.
  signal_all(SIGKILL);
  reap(init, 0);
  struct rusage use;
  if (getrusage(RUSAGE_CHILDREN, &use) < 0) fail(errno, "cannot read what the program used");
  init->report.cpu_ms = tree_cpu_ms(&init->watch);
  if (use.ru_maxrss * 1024 > init->watch.most_memory_bytes) init->watch.most_memory_bytes = use.ru_maxrss * 1024;
}

static void obey(struct init *init, char request) {
  if (request == INIT_START) start(init);
  int number = 0;
  if (request == INIT_STOP) signal_all(SIGSTOP);
  if (request == INIT_LOOK) number = tree_stands_still(ANY_USER, &init->report.stillness);
  if (request == INIT_CONTINUE) signal_all(SIGCONT);
  if (request == INIT_KILL) end_tree(init);
  if (request == INIT_COPY)
    copy_outputs(init->program.cwd, &init->program.outputs, init->file_bytes, init->disk_bytes, INIT_OUTPUTS);
  report(init, INIT_DONE, number);
}

_Noreturn void init_main(int argc, char **argv) {
  if (getpid() != 1 || argc < 12) fail(0, "init is for process 1 of a sandbox");
  tell_failure = to_supervisor;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail(errno, "cannot close process 1 to inspection");
  struct init init = {.pid = -1};
  init.watch.cpu_ms = atoll(argv[2]);
  init.watch.memory_bytes = atoll(argv[3]);
  init.watch.processes = atoll(argv[4]);
  init.most_tasks = atoll(argv[5]);
  init.file_bytes = atoll(argv[6]);
  init.disk_bytes = atoll(argv[7]);
  init.program.cwd = argv[8];
  init.program.serves = atoi(argv[9]);
  init.program.outputs = (struct strings){argv + 11, (size_t)atoi(argv[10])};
  if (init.program.outputs.count + 11 >= (size_t)argc) fail(0, "init got no program");
  init.program.arguments = (struct strings){argv + 11 + init.program.outputs.count, 1};
  init.program.environment.at = environ;

  if (fcntl(INIT_CONTROL, F_SETFD, FD_CLOEXEC) < 0 || fcntl(INIT_OUTPUTS, F_SETFD, FD_CLOEXEC) < 0)
    fail(errno, "cannot keep the supervisor's file descriptors from the program");
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &children, NULL) < 0 ||
      sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP}, NULL) < 0)
    fail(errno, "cannot watch for the end of processes");
  int child_signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (child_signals < 0) fail(errno, "cannot watch for the end of processes");

  report(&init, INIT_PLACED, place_program(&init.program));
  for (;;) {
    struct pollfd sources[] = {{.fd = INIT_CONTROL, .events = POLLIN}, {.fd = child_signals, .events = POLLIN}};
    if (poll(sources, 2, init.pid > 0 && !init.excess_reported ? TICK_MS : -1) < 0) fail(errno, "cannot wait");
    if (sources[1].revents != 0) {
      struct signalfd_siginfo news;
      while (read(child_signals, &news, sizeof news) > 0) continue;
      reap(&init, WNOHANG);
    }
    if (sources[0].revents != 0) {
      char request;
      // The supervisor has gone, or is done with this sandbox: with process 1 ends all that is in it.
      if (recv(INIT_CONTROL, &request, 1, 0) != 1) _exit(0);
      obey(&init, request);
    }
    if (init.pid > 0 && !init.excess_reported) {
      look_at_space(&init.watch.space);
      enum excess excess = watch_tree(&init.watch);
      init.excess_reported = excess != WITHIN;
      if (init.excess_reported) report(&init, INIT_EXCESS, (int)excess);
    }
  }
}
