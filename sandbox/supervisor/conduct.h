#pragma once
#include "job.h"

/* Has the job's players answer its samples, one at a time, keeps time, and writes the record. */
void conduct_job(const struct job *job);
