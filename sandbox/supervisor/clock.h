#pragma once
#include <stdint.h>
#include <time.h>

/* Deadlines: nanoseconds of CLOCK_MONOTONIC. */
static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Measurements: nanoseconds of CLOCK_MONOTONIC_RAW, which no clock discipline stretches. */
static inline int64_t raw_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void pause_ns(long ns) {
  nanosleep(&(struct timespec){.tv_sec = ns / 1000000000L, .tv_nsec = ns % 1000000000L}, NULL);
}

#define MS 1000000LL
