/* The supervisor's side of the copier: files of the result folder, which no program can reach. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Where one copier's finding goes. The lists are the inner text of JSON arrays; free them with `free`. */
struct outputs {
  char *files;   /* {"path":…,"file":"o7","placed":false},…; placed: it has the time of a placed file */
  char *refused; /* {"path":…,"why":…},… */
  char *written; /* {"path":…,"bytes":12},…: the first files that the program wrote */
  char limit[120]; /* why nothing was brought out, or empty */
};

/* Writes to a file of the result folder. Blocks of zeros become holes: what takes no room where it was made takes none here. The
 * file has its length only after `end_file`, which closes it. */
void write_bytes(int file, const void *bytes, size_t length);
void end_file(int file);

/*
 * Reads a copier's messages from `source` until its last, and writes the files into the folder `result` as o0, o1, …, counted
 * in `*number`. Checks each message; fails where one is malformed, or none came until `deadline_ns`.
 */
void receive_outputs(int source, int result, unsigned *number, int64_t deadline_ns, struct outputs *outputs);
