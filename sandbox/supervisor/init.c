#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "copier.h"
#include "fail.h"
#include "launch.h"
#include "place.h"
#include "watch.h"
#include "zygote.h"

enum { TICK_MS = 20, MOST_WORDS = 4096 };

struct init {
  struct program program;
  struct watch watch;
  int64_t cpu_ms, most_tasks, file_bytes, disk_bytes, memory_bytes;
  pid_t pid;
  pid_t nested;         /* process 1 below this one; -1: none */
  bool keeps;           /* the program is a zygote */
  bool forks;           /* the program is a fork of a zygote, and this process 1 is nested */
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

static int place_program(const struct program *program, bool forks) {
  int result = make_home(program->cwd);
  if (result == 0 && forks) result = place_tree(INIT_IN, "/in", 0444);
  if (forks && mount(NULL, "/in", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0) fail(errno, "cannot close /in");
  if (result == 0) result = place_tree(INIT_WORKSPACE, program->cwd, 0755);
  // A folder of the host: no program may be left with it.
  close(INIT_WORKSPACE);
  if (forks) close(INIT_IN);
  return result;
}

static int open_namespace(const char *name) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/ns/%s", name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(errno, "cannot open %s", path);
  return file;
}

static pid_t fork_in(struct init *init) {
  struct fork_request request = {.program = &init->program,
                                 .user = SAME_USER,
                                 .cpu_ms = init->cpu_ms,
                                 .file_bytes = init->file_bytes,
                                 .most_tasks = init->most_tasks,
                                 .out = 1,
                                 .err = 2,
                                 .seccomp = INIT_SECCOMP,
                                 .namespaces = {open_namespace("pid"), open_namespace("mnt"), open_namespace("ipc"), open_namespace("net")}};
  pid_t pid = fork_zygote(INIT_EXCHANGE, &request);
  if (pid <= 0) fail(0, "the zygote has gone");
  const int done[] = {INIT_SECCOMP, request.namespaces.pid, request.namespaces.mount, request.namespaces.ipc, request.namespaces.net};
  for (size_t i = 0; i < sizeof done / sizeof *done; i++) close(done[i]);
  return pid;
}

static void start(struct init *init) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) fail(errno, "cannot open /dev/null");
  struct streams streams = {null, 1, 2, init->program.serves ? INIT_EXCHANGE : -1, init->keeps ? INIT_ZYGOTE_RULES : 0};
  init->report.began_ns = raw_ns();
  init->pid = init->forks ? fork_in(init) : launch(&init->program, NULL, SAME_USER, init->most_tasks, streams);
  // So that the far ends close when the program and its children have closed theirs.
  if (dup2(null, 1) < 0 || dup2(null, 2) < 0) fail(errno, "cannot let go of the program's streams");
  close(INIT_EXCHANGE);
  close(null);
}

static void reap(struct init *init, int flags) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, flags)) > 0) {
    if (pid == init->nested) init->nested = -1;
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
  if (request == INIT_UNNEST && init->nested > 0) {
    if (waitpid(init->nested, NULL, 0) < 0) fail(errno, "lost the sandbox of a fork");
    init->nested = -1;
  }
  report(init, INIT_DONE, number);
}

/* The words after `init`: see init.h. */
static void read_arguments(struct init *init, char **argv, int argc) {
  if (argc < 12) fail(0, "init is for process 1 of a sandbox");
  *init = (struct init){.pid = -1, .nested = -1};
  init->cpu_ms = init->watch.cpu_ms = atoll(argv[2]);
  init->watch.memory_bytes = atoll(argv[3]);
  init->watch.processes = atoll(argv[4]);
  init->most_tasks = atoll(argv[5]);
  init->file_bytes = atoll(argv[6]);
  init->disk_bytes = atoll(argv[7]);
  init->program.cwd = argv[8];
  init->program.serves = atoi(argv[9]);
  init->program.outputs = (struct strings){argv + 11, (size_t)atoi(argv[10])};
  if (init->program.outputs.count + 11 >= (size_t)argc) fail(0, "init got no program");
  size_t before = init->program.outputs.count + 11;
  init->program.arguments = (struct strings){argv + before, (size_t)argc - before};
}

static void mount_memory(const char *place, int64_t bytes) {
  char how[60];
  snprintf(how, sizeof how, "mode=0755,size=%lld", (long long)bytes);
  if (mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, how) < 0) fail(errno, "cannot mount %s", place);
}

/* Stands empty file systems of its own over all that can be written to. What is underneath, only who has capabilities can reach. */
static void own_places(const struct init *init) {
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail(errno, "cannot part the mounts");
  mount_memory("/work", init->disk_bytes);
  mount_memory("/in", init->disk_bytes);
  mount_memory("/tmp", init->memory_bytes);
  mount_memory("/dev/shm", init->memory_bytes);
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) fail(errno, "cannot mount /proc");
}

static void drop_capabilities(void) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
    fail(errno, "cannot give up capabilities");
}

static _Noreturn void serve_supervisor(struct init *init);

/* In the process that is process 1 of the new namespace. `files`: its descriptors 0 to INIT_SECCOMP. */
static _Noreturn void nested_main(char *text, size_t size, const int *files) {
  static char *words[MOST_WORDS + 1];
  int count = 0, arguments;
  long long memory_bytes, cpu_ms;
  for (char *at = text; at < text + size && count < MOST_WORDS; at += strlen(at) + 1) words[count++] = at;
  if (count == 0 || sscanf(words[0], "%lld %lld %d", &memory_bytes, &cpu_ms, &arguments) != 3 || arguments >= count)
    fail(0, "a request to process 1 is not whole");
  struct init init;
  int away[INIT_FILES];
  for (int i = 0; i < INIT_FILES; i++)
    if ((away[i] = fcntl(files[i], F_DUPFD_CLOEXEC, 32)) < 0) fail(errno, "cannot arrange file descriptors");
  for (int i = 0; i < INIT_FILES; i++)
    if (dup3(away[i], i, O_CLOEXEC) < 0) fail(errno, "cannot arrange file descriptors");
  close_from(INIT_FILES);
  read_arguments(&init, words, arguments + 1);
  init.forks = true;
  init.memory_bytes = memory_bytes;
  init.cpu_ms = cpu_ms;
  init.program.environment = (struct strings){words + arguments + 1, (size_t)(count - arguments - 1)};
  own_places(&init);
  serve_supervisor(&init);
}

/* Makes a process 1 below this one. */
static void nest(struct init *init, char *text, size_t size, const int *files, size_t file_count) {
  if (file_count != INIT_FILES) fail(0, "expected %d file descriptors, got %zu", INIT_FILES, file_count);
  // From here on each fork is watched by its own.
  init->watch.cpu_ms = init->watch.memory_bytes = init->watch.processes = 0;
  init->nested = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET, 0, 0, 0, 0);
  if (init->nested < 0) fail(errno, "cannot make a sandbox for a fork");
  if (init->nested == 0) nested_main(text, size, files);
  for (size_t i = 0; i < file_count; i++) close(files[i]);
}

/* Takes one request of the supervisor, and does it. */
static void take_request(struct init *init) {
  static char text[MOST_INIT_REQUEST];
  union {
    char bytes[CMSG_SPACE(INIT_FILES * sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct iovec part = {text, sizeof text};
  struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(INIT_CONTROL, &head, MSG_CMSG_CLOEXEC);
  // The supervisor has gone, or is done with this sandbox: with process 1 ends all that is in it.
  if (got < 1) _exit(0);
  if (text[0] != INIT_NEST) return obey(init, text[0]);
  struct cmsghdr *files = CMSG_FIRSTHDR(&head);
  int numbers[INIT_FILES] = {0};
  size_t count = files == NULL ? 0 : (files->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  memcpy(numbers, count > 0 ? CMSG_DATA(files) : (unsigned char *)numbers, count * sizeof(int));
  nest(init, text + 1, (size_t)got - 1, numbers, count);
}

static _Noreturn void serve_supervisor(struct init *init) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &children, NULL) < 0 ||
      sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP}, NULL) < 0)
    fail(errno, "cannot watch for the end of processes");
  int child_signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (child_signals < 0) fail(errno, "cannot watch for the end of processes");

  int placed = place_program(&init->program, init->forks);
  if (init->forks) drop_capabilities();
  report(init, INIT_PLACED, placed);
  for (;;) {
    struct pollfd sources[] = {{.fd = INIT_CONTROL, .events = POLLIN}, {.fd = child_signals, .events = POLLIN}};
    if (poll(sources, 2, init->pid > 0 && !init->excess_reported ? TICK_MS : -1) < 0) fail(errno, "cannot wait");
    if (sources[1].revents != 0) {
      struct signalfd_siginfo news;
      while (read(child_signals, &news, sizeof news) > 0) continue;
      reap(init, WNOHANG);
    }
    if (sources[0].revents != 0) take_request(init);
    if (init->pid > 0 && !init->excess_reported) {
      look_at_space(&init->watch.space);
      enum excess excess = watch_tree(&init->watch);
      init->excess_reported = excess != WITHIN;
      if (init->excess_reported) report(init, INIT_EXCESS, (int)excess);
    }
  }
}

_Noreturn void init_main(int argc, char **argv) {
  if (getpid() != 1) fail(0, "init is for process 1 of a sandbox");
  tell_failure = to_supervisor;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail(errno, "cannot close process 1 to inspection");
  struct init init;
  read_arguments(&init, argv, argc);
  init.program.environment.at = environ;
  // Bubblewrap leaves the rules only where it does not load them itself.
  init.keeps = fcntl(INIT_ZYGOTE_RULES, F_SETFD, FD_CLOEXEC) == 0;
  if (fcntl(INIT_CONTROL, F_SETFD, FD_CLOEXEC) < 0 || fcntl(INIT_OUTPUTS, F_SETFD, FD_CLOEXEC) < 0)
    fail(errno, "cannot keep the supervisor's file descriptors from the program");
  serve_supervisor(&init);
}
