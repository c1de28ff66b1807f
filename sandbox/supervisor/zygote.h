/*
 * The trusted interpreter of a warm sandbox (../guest/warm.py), and its forks: each becomes one untrusted program. The zygote is a
 * serving program whose exchange carries the requests; no program's code runs in it.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "job.h"

/* What a fork enters: the namespaces that process 1 of its own sandbox made. In a container: none, each is -1. */
struct namespaces {
  int pid, mount, ipc, net;
};
#define NO_NAMESPACES ((struct namespaces){-1, -1, -1, -1})

struct fork_request {
  const struct program *program;
  uid_t user; /* SAME_USER: the zygote's */
  int64_t cpu_ms, file_bytes, most_tasks; /* its own limits; most_tasks 0: none */
  int out, err;
  int seccomp; /* a file with the rules that it loads; -1: it has them already */
  struct namespaces namespaces;
};

/*
 * Has the zygote at the other end of `exchange` fork. Returns the process ID, in the namespace of the caller, once the program's
 * first line is next; 0 where the zygote, or the fork, has gone.
 */
pid_t fork_zygote(int exchange, const struct fork_request *request);
