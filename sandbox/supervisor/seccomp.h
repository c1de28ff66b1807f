#pragma once
#include "job.h"

/* Compiles the job's allow-list to a BPF program for this machine, and returns a file descriptor that holds it. */
int compile_seccomp(const struct job *job);
