/* What a process tree uses, read from the /proc of its own process namespace. The caller is process 1 of it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum excess { WITHIN, TOO_MUCH_CPU, TOO_MUCH_MEMORY, TOO_MANY_PROCESSES };

/* A process as it was last seen. */
struct seen {
  pid_t pid;
  unsigned long long started; /* a number may be used again */
  int64_t cpu_ms, tasks;
};

/* The file systems in memory that a program can write to. */
enum { PLACES = 3 };
extern const char *const place_names[PLACES];

struct space {
  int64_t looked_ns;
  struct {
    int64_t bytes, most_bytes; /* in it at the last look, and at most */
    int64_t full_ns;           /* when it was last seen full; 0: never */
  } at[PLACES];
};

struct watch {
  struct space space;
  int64_t cpu_ms, memory_bytes, processes; /* limits; 0: not watched */
  int64_t most_memory_bytes;               /* the most that was seen */
  int64_t host_file_bytes;                 /* at the first look */
  bool processes_reached;                  /* as many as allowed were seen, so that one more may have been refused */

  /* Processor time by process, because the kernel adds it up for those alone that somebody waits for: a program may choose not to. */
  struct seen *seen; /* the living */
  size_t seen_count;
  int64_t ended_ms; /* of those that have ended: what was seen, and as if they had run all along since the last look */
  int64_t looked_ns, last_pid;
};

/* Looks at how much is in the file systems in memory. */
void look_at_space(struct space *space);

/* Looks once. Memory is that of the processes and of the files below /work, /tmp and /dev/shm. */
enum excess watch_tree(struct watch *watch);

/* What does not change in a tree that stands still. */
struct stillness {
  int64_t threads; /* that have not ended */
  int64_t cpu_ns;  /* processor time of their processes */
  int64_t waited_ns; /* how long they have stood in line for a processor, where that is told; not compared */
};

/* Whether all threads of the processes of `user` (ANY_USER: of all) but process 1 stand still: stopped, or ended. A stop takes
 * effect when a thread leaves the kernel, which may be late. */
#define ANY_USER ((uid_t)-1)
bool tree_stands_still(uid_t user, struct stillness *seen);

/* How long thread `id` has stood in line for a processor, nanoseconds; 0 where it has gone. */
int64_t thread_waited_ns(pid_t id);
/* Whether this kernel tells that. */
bool waiting_is_told(void);

/* Processor time of a process, all its threads together, nanoseconds; 0 where it has gone. */
int64_t process_cpu_ns(pid_t pid);

/* CPU time of all processes there were, milliseconds: the more of what the kernel added up and what was seen. */
int64_t tree_cpu_ms(const struct watch *watch);
