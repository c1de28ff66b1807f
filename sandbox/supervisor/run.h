#pragma once
#include "job.h"

/* Runs the job's only program to its end and writes the record. */
void run_job(const struct job *job);
