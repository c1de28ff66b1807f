/* The job file: what to run and within which limits. README.md describes the format. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* `at[count]` is NULL, so that `at` can be handed to execve. */
struct strings {
  char **at;
  size_t count;
};

/* One untrusted program: the whole of a run, or one player. */
struct program {
  const char *name;
  bool serves;           /* answers on file descriptor 3; otherwise a command */
  uid_t user;            /* user and group in a container */
  const char *cwd;       /* where its workspace is copied to, inside */
  const char *workspace; /* folder as the supervisor sees it */
  const char *files;     /* likewise, shown as /players/NAME; NULL: none */
  const char *in;        /* likewise, copied to /in; a fork of a zygote alone */
  struct strings arguments, environment, outputs;
};

struct sample {
  int64_t limit_ms;
  size_t player;
  size_t *cases;
  size_t count;
};

struct job {
  bool conducts, warms;
  bool in_container;
  const char *nonce, *result;
  int64_t wall_ms, cpu_ms; /* cpu_ms 0: no limit */
  int64_t memory_bytes, output_bytes, file_bytes, disk_bytes, answer_bytes;
  int64_t processes;
  struct program *programs;
  size_t program_count;
  struct strings cases;
  struct sample *samples;
  size_t sample_count;
  const char *trials; /* warm: folder of requests, each a folder with `given/job` and `result` */
  int64_t idle_ms;    /* warm: ends when no request has come for so long */

  /* bubblewrap only */
  const char *bwrap;
  struct strings bind_from, bind_to, link_from, link_to;
  const char *slots; /* folder of the locks on users; NULL: programs run as this process's user */
  const char *lock, *lock_mode;
  const char *cgroup_memory, *cgroup_pids, *cgroup_cpu, *cgroup_freezer; /* removed at the end; NULL: none */
  struct strings allow, absent, allow_equal, allow_without; /* system calls */
};

/* Reads and checks the job file; fails where it is not whole or has a field it does not know. Never freed. */
struct job *read_job(const char *path);
