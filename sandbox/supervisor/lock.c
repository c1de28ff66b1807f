#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fail.h"

static int lock_file(const char *path, int operation) {
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) fail(errno, "cannot open the lock %s", path);
  while (flock(file, operation) < 0)
    if (errno != EINTR) fail(errno, "cannot lock %s", path);
  return file;
}

void take_lock(const char *path, const char *mode) {
  if (strcmp(mode, "shared") != 0 && strcmp(mode, "exclusive") != 0) fail(0, "expected shared or exclusive, got '%s'", mode);
  char turnstile[PATH_MAX];
  snprintf(turnstile, sizeof turnstile, "%s.turn", path);
  // flock lets readers overtake a waiting writer for ever. All pass here one by one, and a writer stands here while it waits.
  int turn = lock_file(turnstile, LOCK_EX);
  lock_file(path, !strcmp(mode, "exclusive") ? LOCK_EX : LOCK_SH);
  close(turn);
}

_Noreturn void lock_main(int argc, char **argv) {
  // The last argument is for those who look who is in the way.
  if (argc != 4 && argc != 5) fail(0, "usage: supervisor lock FILE shared|exclusive [KEY]");
  take_lock(argv[2], argv[3]);
  if (puts("locked") < 0 || fflush(stdout) != 0) fail(errno, "cannot say that the lock is taken");
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  _exit(0);
}
