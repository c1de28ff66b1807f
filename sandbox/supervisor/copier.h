/*
 * Bringing files out. The copier runs as the program's user when the program is gone, finds what matches the patterns below
 * `root` without following any link, and writes it to a pipe as messages; the supervisor takes them in (`outputs.h`).
 */
#pragma once
#include <stdint.h>

#include "job.h"

/* A message is this header and `length` bytes. */
struct copied {
  uint32_t kind, length;
};

enum copied_kind {
  COPIED_NAME = 1, /* a file begins: its path below the root */
  COPIED_PLACED,   /* the same, for a file that has the time of a placed one */
  COPIED_BYTES,    /* the next bytes of the file */
  COPIED_END,      /* the file is whole */
  COPIED_REFUSED,  /* a path that matched but is not brought out */
  COPIED_WHY,      /* the reason, after COPIED_REFUSED */
  COPIED_WRITTEN,  /* a file that was written, whether it is brought out or not: its size, a blank, its path */
  COPIED_LIMIT,    /* more than may be brought out at all; nothing follows */
  COPIED_DONE,     /* the last message */
};

enum { COPIED_MOST_BYTES = 1 << 16, COPIED_MOST_FILES = 4096, COPIED_MOST_REFUSED = 100, COPIED_MOST_WRITTEN = 100, COPIED_MOST_NAME = 255 };

/*
 * Copies all below `root` that matches `patterns` (`*` and `?` within a name, `**` for any folders) to the pipe `sink`, then names
 * the first files that were written there.
 */
void copy_outputs(const char *root, const struct strings *patterns, int64_t most_file_bytes, int64_t most_bytes, int sink);
