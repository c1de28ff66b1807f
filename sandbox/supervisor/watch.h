/* What a process tree uses, read from the /proc of its own process namespace. The caller is process 1 of it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum excess { WITHIN, TOO_MUCH_CPU, TOO_MUCH_MEMORY, TOO_MANY_PROCESSES };

struct watch {
  int64_t cpu_ms, memory_bytes, processes; /* limits; 0: not watched */
  int64_t most_memory_bytes;               /* the most that was seen */
  bool processes_reached;                  /* as many as allowed were seen, so that one more may have been refused */
};

/* Looks once. Memory is that of the processes and of the files below /work, /tmp and /dev/shm. */
enum excess watch_tree(struct watch *watch);

/* What does not change in a tree that stands still. */
struct stillness {
  int64_t threads; /* that have not ended */
  int64_t cpu_ns;  /* processor time of their processes */
};

/* Whether all threads of the processes of `user` (ANY_USER: of all) but process 1 stand still: stopped, or ended. A stop takes
 * effect when a thread leaves the kernel, which may be late. */
#define ANY_USER ((uid_t)-1)
bool tree_stands_still(uid_t user, struct stillness *seen);

/* Processor time of a process, all its threads together, nanoseconds; 0 where it has gone. */
int64_t process_cpu_ns(pid_t pid);

/* CPU time of this process's children that were waited for, and of the living tree, milliseconds. */
int64_t tree_cpu_ms(void);
