#include "holdings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

enum { PIPE_BYTES = 1 << 16, SOCKET_BYTES = 1 << 18, MOST_HELD = 1 << 17, MOST_UNDER_WAY = 256 };

/* A process may be gone at any moment. */
static bool is_gone(int number) { return number == ENOENT || number == ESRCH; }

/* Reads a small file; empty where it is gone, or not to be had. */
static void read_text(int folder, const char *path, char *text, size_t size) {
  int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
  if (file < 0 && !is_gone(errno) && errno != EACCES) fail(errno, "cannot open %s", path);
  ssize_t got = file < 0 ? 0 : read(file, text, size - 1);
  if (got < 0 && !is_gone(errno)) fail(errno, "cannot read %s", path);
  if (file >= 0) close(file);
  text[got > 0 ? got : 0] = '\0';
}

static int64_t number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10);
}

/* Whether it is met for the first time. */
static bool is_new(struct holdings *holdings, const struct stat *found) {
  for (size_t i = 0; i < holdings->count; i++)
    if (holdings->held[i].number == found->st_ino && holdings->held[i].device == found->st_dev) return false;
  if (holdings->held == NULL) holdings->held = calloc(MOST_HELD, sizeof *holdings->held);
  if (holdings->held == NULL) fail(ENOMEM, "cannot hold what processes hold");
  if (holdings->count < MOST_HELD) holdings->held[holdings->count++] = (struct held){found->st_dev, found->st_ino};
  return true;
}

/* Whether a process that cannot be looked at could be: one that is just ending shows nothing, and has no memory any more. */
static bool is_hiding(int proc, const char *pid) {
  char path[64], text[64];
  snprintf(path, sizeof path, "%.20s/statm", pid);
  read_text(proc, path, text, sizeof text);
  return strtoll(text, NULL, 10) > 0;
}

void add_holdings(struct holdings *holdings, int proc, const char *pid) {
  char path[64];
  snprintf(path, sizeof path, "%.20s/fd", pid);
  int file = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0 && (errno == EACCES || errno == EPERM)) holdings->hides |= is_hiding(proc, pid);
  else if (file < 0 && !is_gone(errno)) fail(errno, "cannot open /proc/%s", path);
  if (file < 0) return;
  DIR *folder = fdopendir(file);
  if (folder == NULL) fail(errno, "cannot read /proc/%s", path);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char target[32];
    ssize_t length = readlinkat(file, entry->d_name, target, sizeof target - 1);
    if (length < 0) {
      if (errno == EACCES || errno == EPERM) holdings->hides |= is_hiding(proc, pid);
      continue;
    }
    target[length] = '\0';
    bool memory = !strncmp(target, "/memfd:", 7), pipe = !strncmp(target, "pipe:", 5), socket = !strncmp(target, "socket:", 7);
    struct stat found;
    if ((!memory && !pipe && !socket) || fstatat(file, entry->d_name, &found, 0) < 0 || !is_new(holdings, &found)) continue;
    if (memory) holdings->file_bytes += (int64_t)found.st_blocks * 512;
    if (pipe) holdings->queue_bytes += PIPE_BYTES;
    if (socket) {
      char about[64], text[1024];
      snprintf(about, sizeof about, "%.20s/fdinfo/%.20s", pid, entry->d_name);
      read_text(proc, about, text, sizeof text);
      holdings->under_way += number_after(text, "scm_fds:");
    }
  }
  closedir(folder);
}

void finish_holdings(struct holdings *holdings) {
  // All programs of a user may have only so many together: who keeps many takes them from others.
  if (holdings->under_way > MOST_UNDER_WAY) holdings->hides = true;
  char sockets[1024];
  read_text(AT_FDCWD, "/proc/net/sockstat", sockets, sizeof sockets);
  // No program may raise what a socket holds.
  holdings->queue_bytes += (number_after(sockets, "sockets: used ") + number_after(sockets, "UDP: inuse ")) * SOCKET_BYTES;
  if (number_after(sockets, "TCP: inuse ") > 0) {
    const char *tcp = strstr(sockets, "TCP: inuse ");
    holdings->queue_bytes += number_after(tcp, " mem ") * sysconf(_SC_PAGESIZE);
  }
  free(holdings->held);
  holdings->held = NULL;
  holdings->count = 0;
}

int64_t host_file_bytes(void) {
  char text[4096];
  read_text(AT_FDCWD, "/proc/meminfo", text, sizeof text);
  return number_after(text, "\nShmem:") * 1024;
}
