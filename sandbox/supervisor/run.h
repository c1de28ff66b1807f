/* One program, run to its end. */
#pragma once
#include <stdio.h>

#include "cell.h"
#include "ending.h"
#include "job.h"
#include "outputs.h"

void run_job(const struct job *job);

/* The same as a fork of `zygote`; ended without a record where `request` is there no longer. */
void run_in(struct cell *zygote, const struct job *job, const char *request);

/* Ending, streams and outputs (NULL: none) of a run, into its record. */
void write_run_json(FILE *record, const struct cell *cell, const struct ending *ending, const struct outputs *outputs);
