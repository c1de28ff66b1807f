#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "fail.h"
#include "seccomp.h"

static void limit(__rlimit_resource_t resource, rlim_t value) {
  struct rlimit now;
  if (getrlimit(resource, &now) < 0) fail(errno, "cannot read a resource limit");
  // An ordinary user cannot raise what the host already lowered.
  if (now.rlim_max < value) value = now.rlim_max;
  if (setrlimit(resource, &(struct rlimit){value, value}) < 0) fail(errno, "cannot set a resource limit");
}

void limit_resources(const struct job *job) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 1024);
  limit(RLIMIT_FSIZE, (rlim_t)job->file_bytes);
  // A second more than the supervisor allows the tree: this is what holds if the supervisor is gone.
  if (job->cpu_ms > 0) limit(RLIMIT_CPU, (rlim_t)(job->cpu_ms / 1000 + 2));
}

void become(uid_t user) {
  if (user != SAME_USER) {
    gid_t group = (gid_t)user;
    if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
      fail(errno, "cannot become user %u", user);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(errno, "cannot give up new privileges");
}

void become_zygote(uid_t user) {
  gid_t group = (gid_t)user;
  const unsigned users = 1U << CAP_SETUID | 1U << CAP_SETGID;
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct kept[2] = {{users, users, users}};
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
      setresuid(user, user, user) < 0)
    fail(errno, "cannot become user %u", user);
  // They outlast the start of its program.
  if (syscall(SYS_capset, &head, kept) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) < 0 ||
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) < 0)
    fail(errno, "cannot keep the right to change users");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(errno, "cannot give up new privileges");
  hold_users();
}

void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  for (int fd = (int)first; fd < 1024; fd++) close(fd);
}

void reset_signals(void) {
  // Some cannot be set, and need not be.
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) fail(errno, "cannot unblock signals");
}

/* The pipe by which a child tells its parent what it could not do. It closes as the program starts. */
static int parent = -1;

static void to_parent(const char *text) {
  // Where the parent is gone there is nobody to tell.
  (void)!write(parent, text, strlen(text));
}

static int tell_parent(pid_t *pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) fail(errno, "cannot make a pipe");
  if ((*pid = fork()) < 0) fail(errno, "cannot make a process");
  parent = ends[1];
  if (*pid == 0) tell_failure = to_parent;
  close(ends[*pid == 0 ? 0 : 1]);
  return ends[0];
}

/* Waits until the child has started its program or ended; fails as it failed. */
static void hear_child(int source) {
  char text[MOST_FAILURE_BYTES];
  ssize_t got;
  while ((got = read(source, text, sizeof text)) < 0)
    if (errno != EINTR) fail(errno, "cannot hear of a process of our own");
  close(source);
  if (got > 0) fail(0, "%.*s", (int)got, text);
}

/* What a program's own file is to blame for; all else is the host's. */
static bool is_of_the_program(int number) {
  const int its_own[] = {ENOENT, EACCES, ENOEXEC, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EPERM, E2BIG, EINVAL, ELIBBAD};
  for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++)
    if (number == its_own[i]) return true;
  return false;
}

pid_t launch(const struct program *program, const struct job *job, uid_t user, int64_t most_tasks, struct streams streams) {
  pid_t pid;
  int source = tell_parent(&pid);
  if (pid != 0) {
    hear_child(source);
    return pid;
  }
  reset_signals();
  if (setsid() < 0) fail(errno, "cannot give the program a session of its own");
  int from[] = {streams.in, streams.out, streams.err, streams.exchange};
  int count = streams.exchange < 0 ? 3 : 4;
  // First out of each other's way, then to their places; dup2 leaves them open across exec.
  int away = fcntl(parent, F_DUPFD_CLOEXEC, 16);
  if (away < 0) fail(errno, "cannot give the program its streams");
  parent = away;
  for (int i = 0; i < count; i++)
    if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16)) < 0) fail(errno, "cannot give the program its streams");
  int rules = streams.rules > 0 ? fcntl(streams.rules, F_DUPFD_CLOEXEC, 16) : -1;
  if (streams.rules > 0 && rules < 0) fail(errno, "cannot give the program its rules");
  for (int i = 0; i < count; i++)
    if (dup2(from[i], i) < 0) fail(errno, "cannot give the program its streams");
  if (rules >= 0 && (rules = dup3(rules, count + 1, O_CLOEXEC)) < 0) fail(errno, "cannot give the program its rules");
  if (dup3(parent, count, O_CLOEXEC) < 0) fail(errno, "cannot give the program its streams");
  parent = count;
  close_from((unsigned)count + (rules >= 0 ? 2 : 1));
  if (job != NULL) limit_resources(job);
  if (job != NULL && job->warms) become_zygote(user);
  else become(user);
  if (most_tasks > 0) limit(RLIMIT_NPROC, (rlim_t)most_tasks);
  // Counted by user and by namespace of users: this one's own stay few, and leave an ordinary user's other sandboxes theirs.
  limit(RLIMIT_SIGPENDING, 1024);
  if (rules >= 0) load_seccomp(rules);
  if (chdir(program->cwd) < 0) fail(errno, "cannot enter %s", program->cwd);
  environ = program->environment.at;
  execvp(program->arguments.at[0], program->arguments.at);
  if (!is_of_the_program(errno)) fail(errno, "cannot start %s", program->arguments.at[0]);
  dprintf(2, "cannot start %s: %s\n", program->arguments.at[0], strerror(errno));
  _exit(127);
}

int run_as(uid_t user, int (*work)(void *argument), void *argument) {
  pid_t pid;
  int source = tell_parent(&pid);
  if (pid == 0) {
    reset_signals();
    become(user);
    _exit(work(argument));
  }
  hear_child(source);
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail(errno, "lost a process of our own");
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (cgroup_oom_kills() > 0) return ENOMEM;
  fail(0, "a process of our own was ended by signal %d", WTERMSIG(status));
}
