#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, MOST_DEPTH = 64 };

/* No clock gives this part of a second but once in a thousand million times. */
enum { PLACED_NS = 271828183 };

bool is_as_placed(const struct stat *found) { return found->st_mtim.tv_nsec == PLACED_NS; }

static int mark_as_placed(int file) {
  struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL), .tv_nsec = PLACED_NS}};
  return futimens(file, times);
}

static bool is_dots(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

/* As readdir; where that fails, `*result` is its errno. */
static struct dirent *next_entry(DIR *folder, int *result) {
  errno = 0;
  struct dirent *entry = readdir(folder);
  if (entry == NULL) *result = errno;
  return entry;
}

static int copy_file(int from, int to) {
  static char buffer[1 << 16];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0) return errno;
    for (ssize_t put = 0; put < got;) {
      ssize_t done = write(to, buffer + put, (size_t)(got - put));
      if (done < 0) return errno;
      put += done;
    }
  }
}

static int place_file(int from_folder, int to_folder, const char *name, mode_t mode) {
  int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return errno;
  struct stat found;
  int to = -1, result = 0;
  if (fstat(from, &found) < 0) result = errno;
  else if (!S_ISREG(found.st_mode)) result = EINVAL;
  else if ((to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0) result = errno;
  else if ((result = copy_file(from, to)) == 0 && (fchmod(to, mode) < 0 || mark_as_placed(to) < 0)) result = errno;
  if (to >= 0) close(to);
  close(from);
  return result;
}

static int place_folder(int from, int to, mode_t mode, int depth) {
  if (depth > MOST_DEPTH) return ELOOP;
  int again = openat(from, ".", FOLDER);
  DIR *folder = again < 0 ? NULL : fdopendir(again);
  if (folder == NULL) return errno;
  int result = 0;
  for (struct dirent *entry; result == 0 && (entry = next_entry(folder, &result)) != NULL;) {
    if (is_dots(entry->d_name)) continue;
    int inner_from = openat(from, entry->d_name, FOLDER);
    if (inner_from < 0) {
      // Not a folder; any other trouble, place_file meets too.
      result = place_file(from, to, entry->d_name, mode);
      continue;
    }
    int inner_to = -1;
    if (mkdirat(to, entry->d_name, 0700) < 0 && errno != EEXIST) result = errno;
    else if ((inner_to = openat(to, entry->d_name, FOLDER)) < 0) result = errno;
    else result = place_folder(inner_from, inner_to, mode, depth + 1);
    if (inner_to >= 0) close(inner_to);
    close(inner_from);
  }
  closedir(folder);
  return result;
}

int place_tree(int from, const char *to, mode_t mode) {
  if (mkdir(to, 0700) < 0 && errno != EEXIST) return errno;
  int folder = open(to, FOLDER);
  if (folder < 0) return errno;
  int result = place_folder(from, folder, mode, 0);
  close(folder);
  return result;
}

int make_home(const char *path) {
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s/.tmp", path);
  if (mkdir(path, 0700) < 0 && errno != EEXIST) return errno;
  if (mkdir(temporary, 0700) < 0 && errno != EEXIST) return errno;
  return 0;
}

/* Removes `name` or, where it is a folder with folders in it, moves those up to `top` first: however deep a program nested
 * them, no path and no recursion grows. */
static int remove_entry(int top, const char *name, unsigned *moved) {
  if (unlinkat(top, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  fchmodat(top, name, 0700, 0);
  int inside = openat(top, name, FOLDER);
  if (inside < 0) return errno;
  DIR *folder = fdopendir(inside);
  if (folder == NULL) return errno;
  int result = 0;
  for (struct dirent *entry; result == 0 && (entry = next_entry(folder, &result)) != NULL;) {
    if (is_dots(entry->d_name) || unlinkat(inside, entry->d_name, 0) == 0) continue;
    char higher[32];
    snprintf(higher, sizeof higher, ".removed-%u", (*moved)++);
    fchmodat(inside, entry->d_name, 0700, 0);
    // A folder of that name may be there, made by the program: then the next number is tried on the next round.
    if (renameat(inside, entry->d_name, top, higher) < 0 && errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
      result = errno;
  }
  closedir(folder);
  if (result == 0 && unlinkat(top, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY) result = errno;
  return result;
}

int empty_folder(const char *path) {
  chmod(path, 0700);
  int top = open(path, FOLDER);
  if (top < 0) return errno == ENOENT ? 0 : errno;
  DIR *folder = fdopendir(top);
  if (folder == NULL) return errno;
  int result = 0;
  unsigned moved = 0;
  for (bool empty = false; result == 0 && !empty;) {
    empty = true;
    rewinddir(folder);
    for (struct dirent *entry; result == 0 && (entry = next_entry(folder, &result)) != NULL;) {
      if (is_dots(entry->d_name)) continue;
      empty = false;
      result = remove_entry(top, entry->d_name, &moved);
    }
  }
  closedir(folder);
  return result;
}
