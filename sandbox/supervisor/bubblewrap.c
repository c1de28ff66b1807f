/* Cells on the host: each program in a bubblewrap of its own, with `init.c` as its process 1. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "clock.h"
#include "fail.h"
#include "init.h"
#include "launch.h"
#include "seccomp.h"

enum {
  /* Users on the host for sandboxes that root starts: a range that neither distributions nor systemd give out. */
  FIRST_USER = 60706,
  MOST_USERS = 400,
  /* File descriptors that only bubblewrap gets, after those of its process 1. */
  SECCOMP_FD = INIT_WORKSPACE + 1,
  BWRAP_FD,
  PATIENCE_MS = 30000,
};

static void bubblewrap_open(struct cell *cell) {
  // A fork is in its zygote's control group, and of its user.
  const struct job *job = cell->zygote == NULL ? cell->job : cell->zygote->job;
  bool watched = job->cgroup_freezer == NULL;
  cell->watch.cpu_ms = watched ? cell->job->cpu_ms : 0;
  cell->watch.memory_bytes = watched ? cell->job->memory_bytes : 0;
  cell->watch.processes = watched ? cell->job->processes : 0;
  cell->user = SAME_USER;
  if (cell->zygote != NULL) return;
  cgroup_make(job, cell->program->name);
  if (job->slots == NULL) return;
  // A user of its own for each sandbox, for as long as this process holds the lock.
  for (int slot = 0; slot < MOST_USERS; slot++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%d", job->slots, FIRST_USER + slot);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) fail(errno, "cannot open %s", path);
    int locked = flock(file, LOCK_EX | LOCK_NB);
    if (locked < 0 && errno != EWOULDBLOCK) fail(errno, "cannot lock %s", path);
    if (locked == 0) {
      cell->slot = file;
      cell->user = (uid_t)(FIRST_USER + slot);
      return;
    }
    close(file);
  }
  fail(0, "all %d users for sandboxes are taken", MOST_USERS);
}

static void add(struct strings *list, const char *value) {
  list->at = realloc(list->at, (list->count + 2) * sizeof *list->at);
  if (list->at == NULL) fail(ENOMEM, "cannot hold bubblewrap's arguments");
  list->at[list->count++] = (char *)value;
  list->at[list->count] = NULL;
}

static void add_all(struct strings *list, ...) {
  va_list values;
  va_start(values, list);
  for (const char *value; (value = va_arg(values, const char *)) != NULL;) add(list, value);
  va_end(values);
}

static char *text_of(const char *format, ...) {
  va_list values;
  char *text;
  va_start(values, format);
  if (vasprintf(&text, format, values) < 0) fail(ENOMEM, "cannot hold bubblewrap's arguments");
  va_end(values);
  return text;
}

/* Below here: in the child that becomes bubblewrap. */

static bool write_line(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
  if (file >= 0) close(file);
  return done;
}

/* Enters a mount namespace that ends with this process. Who is not root needs a namespace of users for it. */
static bool own_mounts(bool as_root) {
  uid_t user = geteuid();
  gid_t group = getegid();
  if (unshare(as_root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0) return false;
  if (!as_root && !(write_line("/proc/self/setgroups", "deny") && write_line("/proc/self/uid_map", text_of("%u %u 1", user, user)) &&
                    write_line("/proc/self/gid_map", text_of("%u %u 1", group, group))))
    return false;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool cover_mnt(void) { return mount("staged", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") == 0; }

/* Whether an ordinary user may do so. Tried by a process of its own: where a system half allows it, bubblewrap must not be left with that half. */
static bool may_stage(void) {
  int status = 0;
  pid_t pid = fork();
  if (pid < 0) fail(errno, "cannot make a process of our own");
  if (pid == 0) _exit(own_mounts(false) && cover_mnt() ? 0 : EXIT_FAILED);
  if (waitpid(pid, &status, 0) < 0) fail(errno, "cannot wait for a process of our own");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A path of /proc/self/mountinfo as it is: there, space, tab, newline and backslash are written as three octal digits. */
static void unescape(char *path) {
  char *to = path;
  for (char *from = path; *from != '\0'; to++)
    if (*from == '\\' && from[1] != '\0' && from[2] != '\0' && from[3] != '\0')
      *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')), from += 4;
    else
      *to = *from++;
  *to = '\0';
}

/* Whether what is open as `file` is a file that was mounted by itself, or a folder below which something is: a layer shows what is underneath. */
static bool has_mounts(int file, bool is_folder) {
  char path[PATH_MAX], *line = NULL;
  size_t room = 0;
  bool found = false;
  ssize_t length = readlink(text_of("/proc/self/fd/%d", file), path, sizeof path - 1);
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (length < 0 || mounts == NULL) fail(errno, "cannot read what is mounted");
  path[length] = '\0';
  while (!found && getline(&line, &room, mounts) >= 0) {
    char *point = NULL;
    if (sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1) fail(errno, "cannot read what is mounted");
    unescape(point);
    found = is_folder ? strncmp(point, path, (size_t)length) == 0 && point[length] == '/' : strcmp(point, path) == 0;
    free(point);
  }
  free(line);
  fclose(mounts);
  return found;
}

static char *show_at(char *place, const char *source, bool is_folder) {
  int made = is_folder ? mkdir(place, 0755) : mknod(place, S_IFREG | 0644, 0);
  if (made < 0 || mount(source, place, NULL, MS_BIND | MS_REC, NULL) < 0) fail(errno, "cannot show %s", place);
  return place;
}

/*
 * Any program can read of each mount which folder of its file system it shows. A file system of its own, whose only layer is `folder` by
 * its staged name, tells that name alone. Returns where it is; `folder` where the kernel has no such file systems.
 */
static char *under_another_name(char *folder, bool as_root) {
  char *place = text_of("%s-alone", folder), *layers = text_of("%slowerdir=%s:/mnt/nothing", as_root ? "" : "userxattr,", folder);
  if (mkdir(place, 0755) < 0) fail(errno, "cannot make %s", place);
  return mount("none", place, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, layers) == 0 ? place : folder;
}

/*
 * Shows each of `from` at a place that tells nothing of the host and that every user can reach, in a mount namespace that ends with this
 * process, and puts the new paths into `from`: the host's folders may be open to root alone, and bubblewrap will not be root. What stands
 * in the sandbox where it does on the host has nothing to hide.
 */
static void stage_binds(struct strings *from, const struct strings *to, bool as_root) {
  if (!own_mounts(as_root)) fail(errno, "cannot make a mount namespace");
  struct source {
    int file;
    bool is_folder, hides;
    const char *name; /* in the folder that is open in its place: only folders can be layers */
  } *sources = calloc(from->count, sizeof *sources);
  if (sources == NULL) fail(ENOMEM, "cannot hold the folders to show");
  // Opened before /mnt is covered, which may hide some of them.
  for (size_t i = 0; i < from->count; i++) {
    struct stat found;
    char *path = from->at[i], *slash = strrchr(path, '/');
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) < 0) fail(errno, "cannot look at %s", path);
    bool is_folder = S_ISDIR(found.st_mode);
    sources[i] = (struct source){.is_folder = is_folder, .hides = strcmp(path, to->at[i]) != 0 && !has_mounts(file, is_folder)};
    close(file);
    if (sources[i].hides && !sources[i].is_folder && slash != NULL && slash > path) *slash = '\0', sources[i].name = slash + 1;
    if ((sources[i].file = open(path, O_PATH | O_CLOEXEC)) < 0) fail(errno, "cannot open %s", path);
  }
  if (!cover_mnt() || mkdir("/mnt/nothing", 0755) < 0) fail(errno, "cannot mount on /mnt");
  for (size_t i = 0; i < from->count; i++) {
    const struct source *source = &sources[i];
    char *place = text_of("/mnt/%zu", i);
    show_at(place, text_of("/proc/self/fd/%d", source->file), source->is_folder || source->name != NULL);
    if (source->hides) place = under_another_name(place, as_root);
    if (source->name != NULL) place = show_at(text_of("/mnt/%zu-file", i), text_of("%s/%s", place, source->name), false);
    from->at[i] = place;
  }
}

/* The limit on tasks in a user namespace of its own; on older kernels it counts all of the user's processes on the host. */
static int64_t most_tasks(const struct cell *cell) {
  struct utsname name;
  unsigned major = 0, minor = 0;
  if (uname(&name) < 0) fail(errno, "cannot read the kernel's version");
  sscanf(name.release, "%u.%u", &major, &minor);
  const struct job *job = cell->zygote == NULL ? cell->job : cell->zygote->job;
  bool own_count = job->slots != NULL || major > 5 || (major == 5 && minor >= 14);
  // Two processes 1, the zygote, and what is between it and its fork.
  if (cell->zygote != NULL) return own_count ? cell->job->processes + 4 : 0;
  // Process 1 counts too.
  return cell->watch.processes > 0 && own_count ? cell->watch.processes + 1 : 0;
}

/* As of init.h. */
static void add_init_arguments(struct strings *args, const struct cell *cell) {
  const struct job *job = cell->job;
  const struct program *program = cell->program;
  add_all(args, "init", text_of("%lld", (long long)cell->watch.cpu_ms), text_of("%lld", (long long)cell->watch.memory_bytes),
          text_of("%lld", (long long)cell->watch.processes), text_of("%lld", (long long)most_tasks(cell)),
          text_of("%lld", (long long)job->file_bytes), text_of("%lld", (long long)job->disk_bytes), program->cwd,
          program->serves ? "1" : "0", text_of("%zu", program->outputs.count), NULL);
  for (size_t i = 0; i < program->outputs.count; i++) add(args, program->outputs.at[i]);
  for (size_t i = 0; i < program->arguments.count; i++) add(args, program->arguments.at[i]);
}

static struct strings bwrap_arguments(const struct cell *cell) {
  const struct job *job = cell->job;
  const struct program *program = cell->program;
  struct strings from = {0}, to = {0}, args = {0};
  for (size_t i = 0; i < job->bind_from.count; i++) add(&from, job->bind_from.at[i]), add(&to, job->bind_to.at[i]);
  if (program->files != NULL) add(&from, program->files), add(&to, text_of("/players/%s", program->name));
  bool as_root = job->slots != NULL;
  if (as_root || may_stage()) stage_binds(&from, &to, as_root);

  add_all(&args, "bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
          "--as-pid-1", "--uid", "65532", "--gid", "65532", "--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv",
          "--proc", "/proc", "--dev", "/dev", NULL);
  const char *temporary[] = {"/work", text_of("%lld", (long long)job->disk_bytes), "/tmp", text_of("%lld", (long long)job->memory_bytes),
                             "/dev/shm", text_of("%lld", (long long)job->memory_bytes)};
  for (size_t i = 0; i < 6; i += 2) add_all(&args, "--size", temporary[i + 1], "--tmpfs", temporary[i], NULL);
  for (size_t i = 0; i < from.count; i++) add_all(&args, "--ro-bind", from.at[i], to.at[i], NULL);
  for (size_t i = 0; i < job->link_from.count; i++) add_all(&args, "--symlink", job->link_from.at[i], job->link_to.at[i], NULL);
  // The root and /dev are tmpfs too, without a size: nothing may be written there. No terminals: all sandboxes of a host share their number.
  add_all(&args, "--tmpfs", "/dev/pts", "--remount-ro", "/dev/pts", "--remount-ro", "/dev", "--remount-ro", "/", NULL);
  // Process 1 of a warm sandbox makes others below it, and its zygote enters them; their programs get the rules on system calls then.
  if (job->warms) add_all(&args, "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SYS_CHROOT", NULL);
  else add_all(&args, "--seccomp", text_of("%d", SECCOMP_FD), NULL);
  for (size_t i = 0; i < program->environment.count; i++) {
    char *name = strdup(program->environment.at[i]), *value = name == NULL ? NULL : strchr(name, '=');
    if (value == NULL) fail(0, "expected NAME=VALUE in the environment of %s", program->name);
    *value = '\0';
    add_all(&args, "--setenv", name, value + 1, NULL);
  }
  add_all(&args, "--", "/sandbox/supervisor", NULL);
  add_init_arguments(&args, cell);
  return args;
}

static _Noreturn void become_bwrap(const struct cell *cell, struct streams streams, int control, int outputs) {
  reset_signals();
  cgroup_join(cell->job, cell->program->name);
  int bwrap = open(cell->job->bwrap, O_PATH | O_CLOEXEC);
  if (bwrap < 0) fail(errno, "cannot open %s", cell->job->bwrap);
  int workspace = open(cell->program->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (workspace < 0) fail(errno, "cannot open %s", cell->program->workspace);
  int seccomp = compile_seccomp(cell->job, cell->job->warms ? "setns" : NULL);
  struct strings args = bwrap_arguments(cell);
  limit_resources(cell->job);

  int from[] = {streams.in, streams.out, streams.err, streams.exchange < 0 ? streams.in : streams.exchange,
                control,    outputs,     workspace,   seccomp,
                bwrap};
  for (int i = 0; i <= BWRAP_FD; i++)
    if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16)) < 0) fail(errno, "cannot arrange file descriptors");
  for (int i = 0; i <= BWRAP_FD; i++)
    if (dup2(from[i], i) < 0) fail(errno, "cannot arrange file descriptors");
  if (fcntl(BWRAP_FD, F_SETFD, FD_CLOEXEC) < 0) fail(errno, "cannot arrange file descriptors");
  close_from(BWRAP_FD + 1);
  become(cell->user);
  // By descriptor, because the path may be closed to this user. It starts with an empty environment.
  char *nothing[] = {NULL};
  syscall(SYS_execveat, BWRAP_FD, "", args.at, nothing, AT_EMPTY_PATH);
  fail(errno, "cannot start %s", cell->job->bwrap);
}

/* Below here: in the supervisor again. */

/* Takes in what process 1 reports. False where it is gone. */
static bool take_report(struct cell *cell, struct init_report *report) {
  ssize_t got = recv(cell->control, report, sizeof *report, 0);
  if (got != sizeof *report) return false;
  if (report->kind == INIT_FAILED) {
    report->failure[sizeof report->failure - 1] = '\0';
    fail(0, "in the sandbox of program %s: %s", cell->program->name, report->failure);
  }
  if (report->kind == INIT_ENDED) {
    cell->ended = true;
    cell->status = report->status;
    cell->ended_ns = report->ended_ns;
  }
  cell->cpu_ms = cell->earlier_cpu_ms + report->cpu_ms;
  cell->watch.space = report->space;
  if (report->processes_reached) cell->watch.processes_reached = true;
  int64_t peak = cell->zygote == NULL ? cgroup_peak_bytes() : 0;
  if (peak < report->most_memory_bytes) peak = report->most_memory_bytes;
  if (peak > cell->peak_bytes) cell->peak_bytes = peak;
  return true;
}

/* Waits for a report of `kind`. False where process 1 is gone or does not answer in time. */
static bool await_report(struct cell *cell, enum init_report_kind kind, int64_t patience_ms, struct init_report *report) {
  int64_t give_up = now_ns() + patience_ms * MS;
  for (int64_t left; (left = give_up - now_ns()) > 0;) {
    struct pollfd wait = {.fd = cell->control, .events = POLLIN};
    if (poll(&wait, 1, (int)(left / MS) + 1) < 0 && errno != EINTR) fail(errno, "cannot wait for bubblewrap");
    if (wait.revents == 0) continue;
    if (!take_report(cell, report)) return false;
    if (report->kind == kind) return true;
  }
  return false;
}

/* The kernel, short of memory, may choose process 1 as its victim; nothing else of a program's doing ends it. */
static void lost_init(struct cell *cell) {
  if (cgroup_oom_kills() == 0) fail(0, "the sandbox of program %s has gone", cell->program->name);
  cell->ended = true;
  cell->status = SIGKILL;
  cell->ended_ns = raw_ns();
}

static bool ask(struct cell *cell, enum init_request request, struct init_report *report) {
  char byte = (char)request;
  if (send(cell->control, &byte, 1, MSG_NOSIGNAL) != 1) return false;
  return await_report(cell, INIT_DONE, PATIENCE_MS, report);
}

static void end_bwrap(struct cell *cell) {
  struct init_report report;
  bool nested = cell->zygote != NULL && cell->control >= 0;
  if (cell->control >= 0) close(cell->control);
  if (cell->outputs >= 0) close(cell->outputs);
  cell->control = cell->outputs = -1;
  // Where the zygote's process 1 is gone, so is all below it.
  if (nested) ask(cell->zygote, INIT_UNNEST, &report);
  if (cell->pid < 0) return;
  // Its process 1 sees the control socket close, ends, and everything with it; bubblewrap ends last.
  for (int64_t give_up = now_ns() + 2000 * MS; waitpid(cell->pid, NULL, WNOHANG) == 0; pause_ns(MS / 5))
    if (now_ns() > give_up) {
      kill(cell->pid, SIGKILL);
      waitpid(cell->pid, NULL, 0);
      break;
    }
  cell->pid = -1;
}

static int open_folder(const char *path) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail(errno, "cannot open %s", path);
  return folder;
}

/* Has the zygote's process 1 make one below it, with these file descriptors. */
static void nest(const struct cell *cell, const int *files) {
  struct strings words = {0};
  add_init_arguments(&words, cell);
  char *text, *head = text_of("%lld %lld %zu", (long long)cell->job->memory_bytes, (long long)cell->job->cpu_ms, words.count);
  size_t size;
  FILE *message = open_memstream(&text, &size);
  if (message == NULL) fail(errno, "cannot hold a request to process 1");
  fprintf(message, "%c%s%c", INIT_NEST, head, 0);
  for (size_t i = 0; i < words.count; i++) fprintf(message, "%s%c", words.at[i], 0);
  for (size_t i = 0; i < cell->program->environment.count; i++) fprintf(message, "%s%c", cell->program->environment.at[i], 0);
  if (fclose(message) != 0 || size > MOST_INIT_REQUEST) fail(0, "a request to process 1 is too long");
  union {
    char bytes[CMSG_SPACE(INIT_FILES * sizeof(int))];
    struct cmsghdr aligned;
  } control = {0};
  struct iovec part = {text, size};
  struct msghdr sent = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&sent);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(INIT_FILES * sizeof(int));
  memcpy(CMSG_DATA(rights), files, INIT_FILES * sizeof(int));
  // Where it is gone, it does not answer either.
  if (sendmsg(cell->zygote->control, &sent, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
    fail(errno, "cannot ask process 1");
  free(text);
  free(head);
  free(words.at);
}

/* As `bubblewrap_prepare`, for a fork: what a bubblewrap is to others, a process 1 below the zygote's is to it. */
static int prepare_fork(struct cell *cell) {
  int control[2], outputs[2];
  if (cell->program->in == NULL) fail(0, "program %s lacks in", cell->program->name);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0 || pipe2(outputs, O_CLOEXEC) < 0)
    fail(errno, "cannot make sockets and pipes");
  int files[INIT_FILES] = {open("/dev/null", O_RDONLY | O_CLOEXEC), capture_pipe(&cell->out), capture_pipe(&cell->err)};
  if (files[0] < 0) fail(errno, "cannot open /dev/null");
  files[INIT_EXCHANGE] = cell->zygote->exchange;
  files[INIT_CONTROL] = control[1];
  files[INIT_OUTPUTS] = outputs[1];
  files[INIT_WORKSPACE] = open_folder(cell->program->workspace);
  files[INIT_IN] = open_folder(cell->program->in);
  files[INIT_SECCOMP] = compile_seccomp(cell->zygote->job, NULL);
  nest(cell, files);
  for (int i = 0; i < INIT_FILES; i++)
    if (i != INIT_EXCHANGE) close(files[i]);
  cell->control = control[0];
  cell->outputs = outputs[0];
  struct init_report report;
  if (await_report(cell, INIT_PLACED, PATIENCE_MS, &report)) return report.number;
  if (cgroup_oom_kills() > 0) return ENOMEM;
  fail(0, "the sandbox of a fork did not start");
}

static int bubblewrap_prepare(struct cell *cell) {
  if (cell->zygote != NULL) return prepare_fork(cell);
  end_bwrap(cell);
  cell->earlier_cpu_ms = cell->cpu_ms;
  int control[2], outputs[2], exchange[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0 || pipe2(outputs, O_CLOEXEC) < 0 ||
      (cell->program->serves && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, exchange) < 0))
    fail(errno, "cannot make sockets and pipes");
  struct streams streams = {open("/dev/null", O_RDONLY | O_CLOEXEC), capture_pipe(&cell->out), capture_pipe(&cell->err), exchange[1], 0};
  if (streams.in < 0) fail(errno, "cannot open /dev/null");
  cell->pid = fork();
  if (cell->pid < 0) fail(errno, "cannot make a process for bubblewrap");
  if (cell->pid == 0) {
    // What fails here is told to the supervisor, which looks at standard error then.
    if (dup2(streams.err, 2) < 0) _exit(EXIT_FAILED);
    become_bwrap(cell, streams, control[1], outputs[1]);
  }
  close(streams.in);
  close(streams.out);
  close(streams.err);
  close(control[1]);
  close(outputs[1]);
  if (exchange[1] >= 0) close(exchange[1]);
  cell->control = control[0];
  cell->outputs = outputs[0];
  cell->exchange = exchange[0];

  struct init_report report;
  if (await_report(cell, INIT_PLACED, PATIENCE_MS, &report)) return report.number;
  if (cgroup_oom_kills() > 0) return ENOMEM;
  char complaint[300];
  ssize_t got = read(cell->err.pipe, complaint, sizeof complaint);
  while (got > 0 && complaint[got - 1] == '\n') got--;
  fail(0, "bubblewrap did not start: %.*s", got > 0 ? (int)got : 0, complaint);
}

static void bubblewrap_start(struct cell *cell) {
  struct init_report report;
  if (!ask(cell, INIT_START, &report)) return lost_init(cell);
  cell->began_ns = report.began_ns;
}

static int bubblewrap_signal_source(const struct cell *cell) { return cell->control; }

static enum event bubblewrap_look(struct cell *cell) {
  struct init_report report;
  if (!take_report(cell, &report)) lost_init(cell);
  else if (report.kind == INIT_EXCESS)
    return report.number == TOO_MUCH_CPU ? OVER_CPU : report.number == TOO_MUCH_MEMORY ? OVER_MEMORY : OVER_PROCESSES;
  return cell->ended ? ENDED : ANSWERED;
}

static enum event bubblewrap_tick(struct cell *cell) {
  if (cgroup_oom_kills() > 0) return OVER_MEMORY;
  return cell->job->cpu_ms > 0 && cgroup_cpu_ms() > cell->job->cpu_ms ? OVER_CPU : ANSWERED;
}

static void halt(struct cell *cell, bool stop) {
  struct init_report report;
  // Process 1 is the program's user's: a program could take its processor time away, and so put off being stopped.
  if (cgroup_freeze(cell->job, cell->program->name, stop)) return;
  if (!ask(cell, stop ? INIT_STOP : INIT_CONTINUE, &report) && !cell->ended) lost_init(cell);
}

static void bubblewrap_stop(struct cell *cell) { halt(cell, true); }

static void bubblewrap_resume(struct cell *cell) { halt(cell, false); }

static bool bubblewrap_stands_still(struct cell *cell, struct stillness *seen) {
  if (cell->job->cgroup_freezer != NULL) return cgroup_stands_still(cell->job, cell->program->name, seen);
  struct init_report report;
  if (!ask(cell, INIT_LOOK, &report)) {
    if (!cell->ended) lost_init(cell);
    return false;
  }
  *seen = report.stillness;
  return report.number == 1;
}

static void bubblewrap_kill(struct cell *cell) {
  struct init_report report;
  if (cell->control < 0) return;
  cgroup_freeze(cell->job, cell->program->name, false);
  if (!ask(cell, INIT_KILL, &report)) {
    if (!cell->ended) lost_init(cell);
    end_bwrap(cell);
  }
}

static void bubblewrap_copy(struct cell *cell, int result, unsigned *number, struct outputs *outputs) {
  char byte = INIT_COPY;
  // It ended for want of memory, and its process 1 with it: what it wrote is gone.
  if (cell->control < 0) {
    *outputs = (struct outputs){.files = strdup(""), .refused = strdup("")};
    if (outputs->files == NULL || outputs->refused == NULL) fail(ENOMEM, "cannot hold the list of outputs");
    return;
  }
  if (send(cell->control, &byte, 1, MSG_NOSIGNAL) != 1) fail(errno, "cannot ask for the outputs of program %s", cell->program->name);
  receive_outputs(cell->outputs, result, number, now_ns() + 2 * PATIENCE_MS * MS, outputs);
  struct init_report report;
  if (!await_report(cell, INIT_DONE, PATIENCE_MS, &report)) fail(0, "the sandbox of program %s has gone", cell->program->name);
}

static void bubblewrap_close(struct cell *cell) {
  end_bwrap(cell);
  if (cell->slot >= 0) close(cell->slot);
  cell->slot = -1;
}

const struct cells bubblewrap_cells = {
    .open = bubblewrap_open,
    .prepare = bubblewrap_prepare,
    .start = bubblewrap_start,
    .signal_source = bubblewrap_signal_source,
    .look = bubblewrap_look,
    .tick = bubblewrap_tick,
    .stop = bubblewrap_stop,
    .resume = bubblewrap_resume,
    .stands_still = bubblewrap_stands_still,
    .kill = bubblewrap_kill,
    .copy = bubblewrap_copy,
    .close = bubblewrap_close,
};
