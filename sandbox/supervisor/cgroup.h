/* What the kernel counted for the control group of the programs, version 1 or 2. Where there is none, zeros. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "job.h"
#include "watch.h"

/* Settles which folders to read: the job's, or in a container its own. */
void cgroup_open(const struct job *job);

int64_t cgroup_peak_bytes(void);
/* Begins to count anew: what follows is of one program after another. */
void cgroup_mark(void);
/* Memory of processes and of files in memory that is used now; 0 where it is not told. */
int64_t cgroup_used_bytes(void);
int64_t cgroup_oom_kills(void);
/* Processor time of the programs so far, milliseconds; -1 where it is not counted. */
int64_t cgroup_cpu_ms(void);
/* How often a process was refused. */
int64_t cgroup_refused_processes(void);

/* Makes a group inside the job's for the program `name`, which can be frozen. Nothing where the job has no groups. */
void cgroup_make(const struct job *job, const char *name);
/* Puts the calling process into the job's groups and that of `name`. */
void cgroup_join(const struct job *job, const char *name);
/* Stops, or lets go on, all processes of `name` from outside of their reach. False where the job has no groups. */
bool cgroup_freeze(const struct job *job, const char *name, bool frozen);
/* Whether the kernel says of every thread of the frozen group `name` that it is frozen: it says so only when none is in a system
 * call any more. */
bool cgroup_stands_still(const struct job *job, const char *name, struct stillness *seen);
/* Removes all groups of the job, which must be empty, or become so within a second. */
void cgroup_remove(const struct job *job);
