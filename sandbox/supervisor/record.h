/* The result record: written once, at the end, whole or not at all. */
#pragma once
#include <stdint.h>
#include <stdio.h>

/* Opens the folder of results. Fails where it is missing or already has a record. */
int record_folder(const char *path);

/* A record in memory, begun with the nonce. Write `,"key":value` to it. */
FILE *record_begin(const char *nonce);

void record_usage(FILE *record, int64_t wall_ns, int64_t cpu_ms, int64_t peak_bytes);

/* Puts the record into `folder`, on disk when this returns. */
void record_end(FILE *record, int folder);
