#pragma once
#include "job.h"

/* Compiles the job's allow-list to a BPF program for this machine, and returns a file descriptor that holds it. `more`: a further call
 * that is allowed; NULL: none. */
int compile_seccomp(const struct job *job, const char *more);

/* Loads a compiled program into the calling process. */
void load_seccomp(int file);

/* Refuses the calling process, whatever its capabilities, to become a user or a group of the system. */
void hold_users(void);
