/*
 * Makes one chosen system call of the supervisor fail, wherever it is made: compiled in before every source (`-include`), in a build
 * for tests alone. The place is chosen by a number that is written into the binary, which has neither environment nor arguments.
 */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fault_place {
  const char *file, *call;
  int line;
};

/* Whether the call at `place` is the chosen one; errno is set then. */
bool fault_at(const struct fault_place *const *place);

#define FAULT_JOINED(a, b) a##b
#define FAULT_NAMED(a, b) FAULT_JOINED(a, b)
#define FAULT_AS(name, call)                                                                     \
  ({                                                                                             \
    static const struct fault_place FAULT_JOINED(name, _place) = {__FILE__, call, __LINE__};     \
    static const struct fault_place *const name __attribute__((section("faults"), used)) =       \
        &FAULT_JOINED(name, _place);                                                             \
    fault_at(&name);                                                                             \
  })
#define FAULT(call) FAULT_AS(FAULT_NAMED(fault_, __COUNTER__), call)
#define OR_FAULT(failed, name, ...) (FAULT(#name) ? (failed) : name(__VA_ARGS__))
/* Two names are also those of operations of a cell, which take one argument. */
#define FAULT_BY_COUNT(_1, _2, _3, name, ...) name

#define access(...) OR_FAULT(-1, access, __VA_ARGS__)
#define calloc(...) OR_FAULT(NULL, calloc, __VA_ARGS__)
#define chdir(...) OR_FAULT(-1, chdir, __VA_ARGS__)
#define chmod(...) OR_FAULT(-1, chmod, __VA_ARGS__)
#define dup2(...) OR_FAULT(-1, dup2, __VA_ARGS__)
#define dup3(...) OR_FAULT(-1, dup3, __VA_ARGS__)
#define execvp(...) OR_FAULT(-1, execvp, __VA_ARGS__)
#define fchmod(...) OR_FAULT(-1, fchmod, __VA_ARGS__)
#define clock_getcpuclockid(...) OR_FAULT(EIO, clock_getcpuclockid, __VA_ARGS__)
#define fclose(...) OR_FAULT(-1, fclose, __VA_ARGS__)
#define fcntl(...) OR_FAULT(-1, fcntl, __VA_ARGS__)
#define fdopendir(...) OR_FAULT(NULL, fdopendir, __VA_ARGS__)
#define flock(...) OR_FAULT(-1, flock, __VA_ARGS__)
#define fopen(...) OR_FAULT(NULL, fopen, __VA_ARGS__)
#define fork(...) OR_FAULT(-1, fork, __VA_ARGS__)
#define fstat(...) OR_FAULT(-1, fstat, __VA_ARGS__)
#define fstatat(...) OR_FAULT(-1, fstatat, __VA_ARGS__)
#define fsync(...) OR_FAULT(-1, fsync, __VA_ARGS__)
#define ftruncate(...) OR_FAULT(-1, ftruncate, __VA_ARGS__)
#define getrlimit(...) OR_FAULT(-1, getrlimit, __VA_ARGS__)
#define getrusage(...) OR_FAULT(-1, getrusage, __VA_ARGS__)
#define ioctl(...) OR_FAULT(-1, ioctl, __VA_ARGS__)
#define kill(...) FAULT_BY_COUNT(__VA_ARGS__, kill_call, kill_call, kill_of)(__VA_ARGS__)
#define kill_call(...) OR_FAULT(-1, kill, __VA_ARGS__)
#define kill_of(cell) kill(cell)
#define lseek(...) OR_FAULT(-1, lseek, __VA_ARGS__)
#define malloc(...) OR_FAULT(NULL, malloc, __VA_ARGS__)
#define memfd_create(...) OR_FAULT(-1, memfd_create, __VA_ARGS__)
#define mkdir(...) OR_FAULT(-1, mkdir, __VA_ARGS__)
#define mkdirat(...) OR_FAULT(-1, mkdirat, __VA_ARGS__)
#define mknod(...) OR_FAULT(-1, mknod, __VA_ARGS__)
#define mount(...) OR_FAULT(-1, mount, __VA_ARGS__)
#define mmap(...) OR_FAULT(MAP_FAILED, mmap, __VA_ARGS__)
#define open(...) FAULT_BY_COUNT(__VA_ARGS__, open_call, open_call, open_of)(__VA_ARGS__)
#define open_call(...) OR_FAULT(-1, open, __VA_ARGS__)
#define open_of(cell) open(cell)
#define open_memstream(...) OR_FAULT(NULL, open_memstream, __VA_ARGS__)
#define openat(...) OR_FAULT(-1, openat, __VA_ARGS__)
#define opendir(...) OR_FAULT(NULL, opendir, __VA_ARGS__)
#define pipe2(...) OR_FAULT(-1, pipe2, __VA_ARGS__)
#define poll(...) OR_FAULT(-1, poll, __VA_ARGS__)
#define ppoll(...) OR_FAULT(-1, ppoll, __VA_ARGS__)
#define prctl(...) OR_FAULT(-1, prctl, __VA_ARGS__)
#define pread(...) OR_FAULT(-1, pread, __VA_ARGS__)
#define read(...) OR_FAULT(-1, read, __VA_ARGS__)
#define readdir(...) OR_FAULT(NULL, readdir, __VA_ARGS__)
#define realloc(...) OR_FAULT(NULL, realloc, __VA_ARGS__)
#define recv(...) OR_FAULT(-1, recv, __VA_ARGS__)
#define recvmsg(...) OR_FAULT(-1, recvmsg, __VA_ARGS__)
#define renameat(...) OR_FAULT(-1, renameat, __VA_ARGS__)
#define send(...) OR_FAULT(-1, send, __VA_ARGS__)
#define sendfile(...) OR_FAULT(-1, sendfile, __VA_ARGS__)
#define sendmsg(...) OR_FAULT(-1, sendmsg, __VA_ARGS__)
#define setgroups(...) OR_FAULT(-1, setgroups, __VA_ARGS__)
#define setresgid(...) OR_FAULT(-1, setresgid, __VA_ARGS__)
#define setresuid(...) OR_FAULT(-1, setresuid, __VA_ARGS__)
#define setrlimit(...) OR_FAULT(-1, setrlimit, __VA_ARGS__)
#define setsid(...) OR_FAULT(-1, setsid, __VA_ARGS__)
#define sigaction(...) OR_FAULT(-1, sigaction, __VA_ARGS__)
#define signal(...) OR_FAULT(SIG_ERR, signal, __VA_ARGS__)
#define signalfd(...) OR_FAULT(-1, signalfd, __VA_ARGS__)
#define sigprocmask(...) OR_FAULT(-1, sigprocmask, __VA_ARGS__)
#define socketpair(...) OR_FAULT(-1, socketpair, __VA_ARGS__)
#define stat(...) OR_FAULT(-1, stat, __VA_ARGS__)
#define statvfs(...) OR_FAULT(-1, statvfs, __VA_ARGS__)
#define strdup(...) OR_FAULT(NULL, strdup, __VA_ARGS__)
#define syscall(...) OR_FAULT(-1, syscall, __VA_ARGS__)
#define uname(...) OR_FAULT(-1, uname, __VA_ARGS__)
#define unlinkat(...) OR_FAULT(-1, unlinkat, __VA_ARGS__)
#define unshare(...) OR_FAULT(-1, unshare, __VA_ARGS__)
#define vasprintf(...) OR_FAULT(-1, vasprintf, __VA_ARGS__)
#define waitpid(...) OR_FAULT(-1, waitpid, __VA_ARGS__)
#define write(...) OR_FAULT(-1, write, __VA_ARGS__)
