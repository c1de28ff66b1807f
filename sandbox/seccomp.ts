/**
 * The system calls a sandboxed program may make, as an allow-list. It is data, so that Docker (its profile JSON) and bubblewrap
 * (a BPF program) hold programs to the same rules.
 *
 * It is enough for Python, NumPy, Numba, OpenMP, g++ and their threads and processes. Everything not named here fails with EPERM.
 * Left out on purpose, though engines often allow them:
 *
 * - io_uring, ptrace and process_vm_*, userfaultfd, bpf, keyrings, perf events, seccomp itself;
 * - the mount family, namespaces, kexec and modules, file handles, clock setting, personality;
 * - fanotify, and inotify, whose instances are counted for all of a user's sandboxes together;
 * - kernel AIO, System V and POSIX message queues, System V shared memory, memfd_secret.
 */
export const allowedSyscalls: readonly string[] = `
  accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime clock_nanosleep
  close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
  epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat
  fchmodat2 fchown fchownat fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate
  futex futex_waitv futimesat get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
  getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname
  getsockopt gettid gettimeofday getuid getxattr ioctl ioprio_get
  kill lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise membarrier
  memfd_create mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap
  nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll
  ppoll prctl pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
  recvfrom recvmmsg recvmsg removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
  rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
  sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
  sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield select sendfile sendmmsg sendmsg sendto
  set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid
  setreuid setrlimit setsid setuid setxattr shutdown sigaltstack signalfd signalfd4 splice stat statfs statx symlink
  symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
  timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat
  utimes vfork vmsplice wait4 waitid write writev
`
  .trim()
  .split(/\s+/);

/**
 * Calls allowed by one argument (counted from 0), which is one of `equals`, or has none of the bits of
 * `without`. Else they give EPERM. Both are compared with the whole 64-bit register.
 */
export type ArgumentRule = { syscall: string; argument: number } & (
  | { equals: readonly number[] }
  | { without: number }
);

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NAMESPACE_FLAGS = 0x7e020000;

/**
 * The commands of fcntl that a program may give: those on descriptors, locks, owners, pipes and seals. Not F_SETPIPE_SZ: what all
 * pipes of a user may hold is limited together.
 */
const fcntlCommands = [
  ...Array.from({ length: 17 }, (_, number) => number),
  ...[36, 37, 38],
  ...[1025, 1030, 1032, 1033, 1034, 1035, 1036, 1037, 1038],
];

/**
 * All options of sockets but those that let one hold more. These are SO_SNDBUF (7) and SO_RCVBUF (8), whatever
 * they are at other levels.
 */
const socketOptions = Array.from({ length: 80 }, (_, number) => number).filter(
  (each) => each !== 7 && each !== 8,
);

export const argumentRules: readonly ArgumentRule[] = [
  { syscall: 'socket', argument: 0, equals: [AF_UNIX, AF_INET, AF_INET6] },
  // The kernel makes the two sockets before it finds that a family has no pairs, so this needs its own rule.
  { syscall: 'socketpair', argument: 0, equals: [AF_UNIX] },
  { syscall: 'setsockopt', argument: 2, equals: socketOptions },
  { syscall: 'fcntl', argument: 1, equals: fcntlCommands },
  { syscall: 'clone', argument: 0, without: NAMESPACE_FLAGS },
  // Its own limits alone: in a bubblewrap process 1 is of the same user, and a limit on its files would end it.
  { syscall: 'prlimit64', argument: 0, equals: [0] },
];

/**
 * Calls that fail with ENOSYS, so that who makes them falls back. clone3 passes its flags in memory, where no filter can look; the C library
 * falls back to clone. Who is not told of changes to files looks for them.
 */
export const absentSyscalls: readonly string[] = ['clone3', 'inotify_init', 'inotify_init1'];

/**
 * Calls that are absent, too, where sandboxes share a user. What epoll watches is counted for all of a user's
 * programs together. One could watch as much as all may. Python polls instead.
 */
export const absentForSharedUsers: readonly string[] = ['epoll_create', 'epoll_create1'];

const ENOSYS = 38;

/** The same rules as a Docker seccomp profile: the JSON text that `SecurityOpt: ['seccomp=…']` takes. */
export function dockerSeccompProfile(): string {
  const allow = { action: 'SCMP_ACT_ALLOW' };
  // Without sub-architectures, a call by the 32-bit or x32 interface kills the process.
  const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'];
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    archMap: architectures.map((architecture) => ({ architecture, subArchitectures: [] })),
    syscalls: [
      { names: allowedSyscalls, ...allow },
      { names: absentSyscalls, action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      // Several rules for one call mean "or". Several conditions on one argument in one rule misbehave, so there are none.
      ...argumentRules.flatMap((rule) =>
        argumentConditions(rule).map((condition) => ({ names: [rule.syscall], ...allow, args: [condition] })),
      ),
    ],
  });
}

function argumentConditions(rule: ArgumentRule) {
  const index = rule.argument;
  return 'equals' in rule
    ? rule.equals.map((value) => ({ index, value, op: 'SCMP_CMP_EQ' }))
    : [{ index, value: rule.without, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }];
}
