/* The supervisor's side of the copier: files of the result folder, which no program can reach. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Where one copier's finding goes. The lists are the inner text of JSON arrays; free them with `free`. */
struct outputs {
  char *files;   /* {"path":…,"file":"o7"},… */
  char *refused; /* {"path":…,"why":…},… */
  char limit[120]; /* why nothing was brought out, or empty */
};

/*
 * Reads a copier's messages from `source` until its last, and writes the files into the folder `result` as o0, o1, …, counted
 * in `*number`. Checks each message; fails where one is malformed, or none came until `deadline_ns`.
 */
void receive_outputs(int source, int result, unsigned *number, int64_t deadline_ns, struct outputs *outputs);
