/* What processes hold in the kernel without having it mapped: memory files, and what waits in pipes and sockets. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct holdings {
  int64_t file_bytes;   /* of memory files (memfd), each counted once */
  int64_t queue_bytes;  /* at most, in pipes and sockets */
  int64_t under_way;    /* descriptors that are under way in sockets, where they cannot be looked at */
  bool hides;           /* a process does not let its descriptors be looked at, or too many are under way */
  struct held {
    dev_t device;
    ino_t number;
  } *held; /* what was counted */
  size_t count;
};

/* Adds what the process `pid`, an entry of the folder `proc`, holds. */
void add_holdings(struct holdings *holdings, int proc, const char *pid);

/* Adds what the sockets of this network namespace may hold, wherever they are; then frees the list of what was counted. */
void finish_holdings(struct holdings *holdings);

/* The host's memory in memory files and file systems of all kinds, bytes. */
int64_t host_file_bytes(void);
