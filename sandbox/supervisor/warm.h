/* A sandbox that stays: one zygote, and one program after the other that is a fork of it. */
#pragma once
#include "job.h"

void warm_job(const struct job *job);
