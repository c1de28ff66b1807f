/* A program's standard output or standard error, kept in a file up to a cap that both share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct capture {
  int pipe; /* our end, not blocking; -1: closed */
  int file;
  const char *name; /* of the file in the result folder */
  int64_t seen, kept;
};

/* Makes `name` in the folder `result`. */
void capture_open(struct capture *capture, int result, const char *name);

/* Makes a new pipe to read from, and returns the end for the program. */
int capture_pipe(struct capture *capture);

/* Takes what is there, at most what `left` still allows, and counts it off; the rest is read and dropped. Stops when the
 * pipe is empty or closed, or more came than is left. */
void capture_read(struct capture *capture, int64_t *left);

/* Closes our end of the pipe. */
void capture_close(struct capture *capture);

/* Closes the file, too: nothing more is kept. */
void capture_end(struct capture *capture);

/* {"file":…,"bytes":…,"truncated":…} */
void capture_write_json(const struct capture *capture, FILE *to);
