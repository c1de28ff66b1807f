/* Starting an untrusted program: everything it must not have is dropped between fork and exec. */
#pragma once
#include <sys/types.h>

#include "job.h"

#define SAME_USER ((uid_t)-1)

/* What the program gets as its file descriptors 0, 1, 2 and, unless `exchange` is -1, 3. */
struct streams {
  int in, out, err, exchange;
  int rules; /* a file with rules on system calls that it loads; 0: none but those it has */
};

/* Resource limits of the whole tree below the calling process: CPU time and size of a file for each, no core files. */
void limit_resources(const struct job *job);

/* Becomes `user`, with no groups but its own, no capabilities and no way to get any. SAME_USER: stays who it is. */
void become(uid_t user);

/*
 * As `become`, for a zygote in a container: it may become any of the users that no system gives out, as its forks do, and nothing
 * else that it could not.
 */
void become_zygote(uid_t user);

/*
 * Starts `program` in its cwd as `user` in a session of its own. `job`: the limits to set first; NULL: they are inherited.
 * `most_tasks` > 0 is RLIMIT_NPROC.
 * Returns its process ID once its first instruction is next; what cannot be done before that is a failure of the supervisor.
 * A program that is not there, or is none, says so on its standard error and exits with 127.
 */
pid_t launch(const struct program *program, const struct job *job, uid_t user, int64_t most_tasks, struct streams streams);

/* Runs `work(argument)` in a child as `user` and waits. Returns what it returned, 0 or an errno (at most 255); ENOMEM where the
 * kernel ended it for want of memory. */
int run_as(uid_t user, int (*work)(void *argument), void *argument);

/* Gives the calling process the signal handling of a new one: nothing blocked, nothing ignored. */
void reset_signals(void);

/* Closes every file descriptor from `first` on. */
void close_from(unsigned first);
