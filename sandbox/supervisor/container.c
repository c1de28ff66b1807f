/* Cells inside a container: this is process 1, and a program is all processes of its user. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "clock.h"
#include "copier.h"
#include "fail.h"
#include "launch.h"
#include "place.h"
#include "zygote.h"

enum { MOST_CELLS = 64 };

static struct cell *cells[MOST_CELLS];
static size_t cell_count;
static int child_signals = -1;

/* Some engines give a tmpfs the mode of the image's folder below it, whatever they were asked for. */
static void set_modes(void) {
  const struct {
    const char *path;
    mode_t mode;
  } folders[] = {{"/work", 01777}, {"/players", 01777}, {"/tmp", 01777}, {"/sandbox/private", 0700}};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (chmod(folders[i].path, folders[i].mode) < 0 && errno != ENOENT) fail(errno, "cannot set the mode of %s", folders[i].path);
}

/* The user itself, or where an engine maps only some users into its containers, one of those that all of them map. */
static uid_t mapped_user(uid_t wanted) {
  FILE *map = fopen("/proc/self/uid_map", "re");
  if (map == NULL) fail(errno, "cannot read which users there are");
  unsigned long first, count;
  bool found = false;
  while (!found && fscanf(map, "%lu %*u %lu", &first, &count) == 2) found = wanted >= first && wanted - first < count;
  fclose(map);
  return found ? wanted : 1000 + wanted % 60000;
}

static void container_open(struct cell *cell) {
  cell->user = mapped_user(cell->program->user);
  if (getpid() != 1) fail(0, "in a container, expected to be process 1, not %d", getpid());
  if (child_signals < 0) {
    set_modes();
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    // Programs that are stopped and continued are no news.
    if (sigprocmask(SIG_BLOCK, &children, NULL) < 0 ||
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP}, NULL) < 0)
      fail(errno, "cannot watch for the end of processes");
    child_signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (child_signals < 0) fail(errno, "cannot watch for the end of processes");
  }
  if (cell->job->warms && chmod("/in", 01777) < 0) fail(errno, "cannot set the mode of /in");
  if (cell_count == MOST_CELLS) fail(0, "too many programs");
  cells[cell_count++] = cell;
}

struct preparation {
  const struct program *program;
  int workspace, files, in;
};

static int prepare_inside(void *argument) {
  const struct preparation *p = argument;
  const char *cwd = p->program->cwd;
  int result = empty_folder(cwd);
  if (result == 0) result = make_home(cwd);
  if (result == 0) result = place_tree(p->workspace, cwd, 0755);
  if (result == 0 && p->files >= 0) {
    char files[PATH_MAX];
    snprintf(files, sizeof files, "/players/%s", p->program->name);
    result = empty_folder(files);
    if (result == 0) result = place_tree(p->files, files, 0555);
  }
  if (result == 0 && p->in >= 0) result = place_tree(p->in, "/in", 0555);
  return result;
}

/* Where a program can write: one that is a fork leaves nothing to the next. */
static const char *const writable[] = {"/work", "/tmp", "/dev/shm", "/in"};

static int clear_away(void *argument) {
  int result = 0;
  (void)argument;
  for (size_t i = 0; result == 0 && i < sizeof writable / sizeof *writable; i++) result = empty_folder(writable[i]);
  return result;
}

/* What the preload left, before the first fork. */
static void clear_zygote(struct cell *zygote) {
  static bool cleared = false;
  if (!cleared && run_as(zygote->user, clear_away, NULL) != 0) fail(0, "cannot clear away what the preload left");
  cleared = true;
}

static int container_prepare(struct cell *cell) {
  if (cell->zygote != NULL) clear_zygote(cell->zygote);
  const struct program *program = cell->program;
  // Only root can enter the folder above these; through the open descriptors the program's user reads them too.
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  struct preparation p = {program, open(program->workspace, flags), -1, -1};
  if (p.workspace < 0) fail(errno, "cannot open %s", program->workspace);
  if (program->files != NULL && (p.files = open(program->files, flags)) < 0) fail(errno, "cannot open %s", program->files);
  if (program->in != NULL && (p.in = open(program->in, flags)) < 0) fail(errno, "cannot open %s", program->in);
  int result = run_as(cell->user, prepare_inside, &p);
  close(p.workspace);
  if (p.files >= 0) close(p.files);
  if (p.in >= 0) close(p.in);
  return result;
}

/* Where the zygote, or its fork, is gone, the kernel has ended it for want of memory; nothing else of a program's doing does. */
static pid_t fork_for(struct cell *cell, struct streams streams) {
  const struct job *job = cell->job;
  pid_t pid = fork_zygote(cell->zygote->exchange, &(struct fork_request){.program = cell->program,
                                                                         .user = cell->user,
                                                                         .cpu_ms = job->cpu_ms,
                                                                         .file_bytes = job->file_bytes,
                                                                         .most_tasks = job->processes,
                                                                         .out = streams.out,
                                                                         .err = streams.err,
                                                                         .seccomp = -1,
                                                                         .namespaces = NO_NAMESPACES});
  if (pid > 0) return pid;
  if (cgroup_oom_kills() == 0) fail(0, "the zygote has gone");
  cell->ended = true;
  cell->status = SIGKILL;
  cell->ended_ns = raw_ns();
  return -1;
}

static void container_start(struct cell *cell) {
  int ends[2] = {-1, -1};
  if (cell->program->serves && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    fail(errno, "cannot make a socket");
  struct streams streams = {open("/dev/null", O_RDONLY | O_CLOEXEC), capture_pipe(&cell->out), capture_pipe(&cell->err), ends[1], 0};
  if (streams.in < 0) fail(errno, "cannot open /dev/null");
  cell->exchange = ends[0];
  cell->began_ns = raw_ns();
  cell->pid = cell->zygote == NULL ? launch(cell->program, cell->job, cell->user, 0, streams) : fork_for(cell, streams);
  close(streams.in);
  close(streams.out);
  close(streams.err);
  if (ends[1] >= 0) close(ends[1]);
}

static void reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (size_t i = 0; i < cell_count; i++)
      if (cells[i]->pid == pid) {
        cells[i]->ended_ns = raw_ns();
        // At once: what helped it may clear its shared memory away now.
        look_at_space(&cells[i]->watch.space);
        cells[i]->ended = true;
        cells[i]->status = status;
        cells[i]->pid = -1;
      }
  if (pid < 0 && errno != ECHILD) fail(errno, "cannot wait for the programs");
}

static int container_signal_source(const struct cell *cell) {
  (void)cell;
  return child_signals;
}

static enum event container_look(struct cell *cell) {
  struct signalfd_siginfo news;
  while (read(child_signals, &news, sizeof news) > 0) continue;
  reap();
  return cell->ended ? ENDED : ANSWERED;
}

static enum event container_tick(struct cell *cell) {
  look_at_space(&cell->watch.space);
  if (cgroup_oom_kills() > 0) return OVER_MEMORY;
  int64_t used_ms = cgroup_cpu_ms();
  if (used_ms >= 0) return cell->job->cpu_ms > 0 && used_ms > cell->job->cpu_ms ? OVER_CPU : ANSWERED;
  return watch_tree(&cell->watch) == TOO_MUCH_CPU ? OVER_CPU : ANSWERED;
}

/* Sends `signal` to each process of the cell's user, zombies that wait for their parent included. Returns how many there were. */
static size_t signal_each(const struct cell *cell, int signal) {
  size_t count = 0;
  DIR *folder = opendir("/proc");
  if (folder == NULL) fail(errno, "cannot read /proc");
  for (struct dirent *entry; errno = 0, (entry = readdir(folder)) != NULL;) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%.20s/status", entry->d_name);
    int file = isdigit((unsigned char)entry->d_name[0]) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
      if (isdigit((unsigned char)entry->d_name[0]) && errno != ENOENT && errno != ESRCH)
        fail(errno, "cannot look at process %s", entry->d_name);
      continue;
    }
    ssize_t got = read(file, text, sizeof text - 1);
    // One that was just waited for.
    if (got < 0 && errno != ESRCH) fail(errno, "cannot look at process %s", entry->d_name);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    // The only line that begins so: the name above it has its line breaks escaped.
    const char *user = strstr(text, "\nUid:\t");
    if (user == NULL || strtoul(user + 6, NULL, 10) != cell->user) continue;
    if (kill(atoi(entry->d_name), signal) < 0 && errno != ESRCH) fail(errno, "cannot signal process %s", entry->d_name);
    count++;
  }
  if (errno != 0) fail(errno, "cannot read /proc");
  closedir(folder);
  return count;
}

/*
 * One step for all programs, which no fork outruns; only the program whose turn it is runs at all. As root, because who acts as
 * a program's user can be reached by that program: it could lower the priority of process 1, and run on while that waits.
 */
static void stop_all(void) {
  if (kill(-1, SIGSTOP) < 0 && errno != ESRCH) fail(errno, "cannot stop the programs");
}

static void container_stop(struct cell *cell) {
  (void)cell;
  stop_all();
}

static void container_resume(struct cell *cell) { signal_each(cell, SIGCONT); }

static bool container_stands_still(struct cell *cell, struct stillness *seen) {
  return tree_stands_still(cell->user, seen);
}

static void container_kill(struct cell *cell) {
  stop_all();
  for (int64_t give_up = now_ns() + 10000 * MS; signal_each(cell, SIGKILL) > 0; pause_ns(MS / 2)) {
    reap();
    if (now_ns() > give_up) fail(0, "processes of program %s outlive SIGKILL", cell->program->name);
  }
  reap();
  // It was stopped with all others.
  if (cell->zygote != NULL && cell->zygote->pid > 0) kill(cell->zygote->pid, SIGCONT);
  int64_t used_ms = cgroup_cpu_ms();
  cell->cpu_ms = used_ms >= 0 ? used_ms : tree_cpu_ms(&cell->watch);
  if (cell->zygote == NULL) cell->peak_bytes = cgroup_peak_bytes();
}

static void container_copy(struct cell *cell, int result, unsigned *number, struct outputs *outputs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) fail(errno, "cannot make a pipe");
  pid_t pid = fork();
  if (pid < 0) fail(errno, "cannot make a copier");
  if (pid == 0) {
    const struct job *job = cell->job;
    become(cell->user);
    copy_outputs(cell->program->cwd, &cell->program->outputs, job->file_bytes, job->disk_bytes, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  receive_outputs(ends[0], result, number, now_ns() + 60000 * MS, outputs);
  close(ends[0]);
  if (waitpid(pid, NULL, 0) < 0) fail(errno, "lost the copier");
}

static bool is_empty(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) fail(errno, "cannot look into %s", path);
  size_t entries = 0;
  while (readdir(folder) != NULL) entries++;
  closedir(folder);
  return entries <= 2;
}

static void leave_nothing(const struct cell *cell) {
  const struct timespec never[] = {{0}, {0}};
  int result = run_as(cell->user, clear_away, NULL);
  if (result != 0) fail(result, "cannot clear away what a program left");
  for (size_t i = 0; i < sizeof writable / sizeof *writable; i++) {
    if (!is_empty(writable[i])) fail(0, "a program left files in %s that are not its own", writable[i]);
    // When the last one was removed, a program could have chosen.
    if (utimensat(AT_FDCWD, writable[i], never, 0) < 0) fail(errno, "cannot set the time of %s", writable[i]);
  }
}

static void container_close(struct cell *cell) {
  if (cell->zygote != NULL) leave_nothing(cell);
  for (size_t i = 0; i < cell_count; i++)
    if (cells[i] == cell) cells[i--] = cells[--cell_count];
}

const struct cells container_cells = {
    .open = container_open,
    .prepare = container_prepare,
    .start = container_start,
    .signal_source = container_signal_source,
    .look = container_look,
    .tick = container_tick,
    .stop = container_stop,
    .resume = container_resume,
    .stands_still = container_stands_still,
    .kill = container_kill,
    .copy = container_copy,
    .close = container_close,
};
