#include "copier.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "place.h"
#include "text.h"

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, MOST_DEPTH = 32, MOST_ENTRIES = 100000, PATH_ROOM = 4096 };

struct copier {
  int sink;
  int64_t most_file_bytes, bytes_left;
  size_t files, refused, written, entries;
  bool over;             /* a limit was reported: only COPIED_DONE may follow */
  struct strings taken;  /* paths already dealt with: patterns may overlap */
  char path[PATH_ROOM];  /* below the root, of the entry at hand */
};

static void send_message(struct copier *copier, uint32_t kind, const void *bytes, size_t length) {
  struct copied header = {kind, (uint32_t)length};
  const char *parts[] = {(const char *)&header, bytes};
  size_t lengths[] = {sizeof header, length};
  for (int i = 0; i < 2; i++)
    for (size_t put = 0; put < lengths[i];) {
      ssize_t done = write(copier->sink, parts[i] + put, lengths[i] - put);
      if (done < 0 && errno != EINTR) fail(errno, "cannot bring the outputs out");
      if (done > 0) put += (size_t)done;
    }
}

static void refuse(struct copier *copier, const char *why) {
  copier->refused++;
  size_t length = strlen(copier->path);
  send_message(copier, COPIED_REFUSED, copier->path, length < COPIED_MOST_NAME ? length : COPIED_MOST_NAME);
  send_message(copier, COPIED_WHY, why, strlen(why));
}

static void stop_at(struct copier *copier, const char *limit) {
  if (!copier->over) send_message(copier, COPIED_LIMIT, limit, strlen(limit));
  copier->over = true;
}

/* What a program can do to its own files so that they are not to be had; anything else is trouble of ours. */
static bool is_its_doing(int number) {
  const int its_doing[] = {ENOENT, EACCES, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO};
  for (size_t i = 0; i < sizeof its_doing / sizeof *its_doing; i++)
    if (number == its_doing[i]) return true;
  return false;
}

/* As fstatat, of the entry itself. False where it is not to be had. */
static bool look_at(int folder, const char *name, struct stat *found) {
  if (fstatat(folder, name, found, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (!is_its_doing(errno)) fail(errno, "cannot look at an output");
  return false;
}

static bool seen_before(struct copier *copier) {
  for (size_t i = 0; i < copier->taken.count; i++)
    if (!strcmp(copier->taken.at[i], copier->path)) return true;
  if (copier->taken.at == NULL) copier->taken.at = calloc(COPIED_MOST_FILES + COPIED_MOST_REFUSED + 1, sizeof(char *));
  char *copy = strdup(copier->path);
  if (copier->taken.at == NULL || copy == NULL) fail(ENOMEM, "cannot copy the outputs");
  copier->taken.at[copier->taken.count++] = copy;
  return false;
}

static void send_file(struct copier *copier, int file, const struct stat *found) {
  static char buffer[COPIED_MOST_BYTES];
  int64_t size = found->st_size;
  send_message(copier, is_as_placed(found) ? COPIED_PLACED : COPIED_NAME, copier->path, strlen(copier->path));
  while (size > 0) {
    ssize_t got = read(file, buffer, (size_t)size < sizeof buffer ? (size_t)size : sizeof buffer);
    if (got < 0) fail(errno, "cannot read an output");
    if (got == 0) break;
    send_message(copier, COPIED_BYTES, buffer, (size_t)got);
    size -= got;
  }
  send_message(copier, COPIED_END, NULL, 0);
}

/* Why the entry at copier->path is not brought out; NULL: it may be. */
static const char *objection(const struct copier *copier, const struct stat *found) {
  if (S_ISLNK(found->st_mode)) return "a symbolic link";
  if (!S_ISREG(found->st_mode)) return "not a regular file";
  if (found->st_nlink > 1) return "a file with further names (hard links)";
  if (strlen(copier->path) > COPIED_MOST_NAME) return "its name is longer than 255 bytes";
  if (!is_clean_text(copier->path)) return "its name has control characters or is not UTF-8";
  if (found->st_size > copier->most_file_bytes) return "larger than a file may be";
  return NULL;
}

/* The entry `name` of `folder`, at copier->path, matches a whole pattern. */
static void take(struct copier *copier, int folder, const char *name) {
  struct stat found;
  if (!look_at(folder, name, &found) || S_ISDIR(found.st_mode)) return;
  const char *why = objection(copier, &found);
  if (why != NULL && copier->refused >= COPIED_MOST_REFUSED) return;
  if (seen_before(copier)) return;
  if (why != NULL) return refuse(copier, why);
  if (found.st_size > copier->bytes_left) return stop_at(copier, "the outputs together are larger than the disk may be");
  if (copier->files == COPIED_MOST_FILES) return stop_at(copier, "more than 4096 output files");
  // O_NONBLOCK: should it be a FIFO after all, nothing waits for its writer.
  int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0 && !is_its_doing(errno)) fail(errno, "cannot open an output");
  if (file < 0) return refuse(copier, "it cannot be opened");
  if (fstat(file, &found) < 0) fail(errno, "cannot look at an output");
  if (!S_ISREG(found.st_mode)) refuse(copier, "not a regular file");
  else {
    copier->files++;
    copier->bytes_left -= found.st_size;
    send_file(copier, file, &found);
  }
  close(file);
}

static void walk(struct copier *copier, int folder, const char *pattern, int depth);

/* Goes on with `rest` below the folder `name`, or takes `name` when there is no rest. */
static void step(struct copier *copier, int folder, const char *name, const char *rest, int depth) {
  size_t length = strlen(copier->path);
  size_t more = strlen(name) + (length > 0);
  if (length + more >= PATH_ROOM) return;
  if (length > 0) strcat(copier->path, "/");
  strcat(copier->path, name);
  if (rest == NULL) take(copier, folder, name);
  else {
    int inner = openat(folder, name, FOLDER);
    if (inner < 0 && !is_its_doing(errno)) fail(errno, "cannot open a folder of outputs");
    if (inner >= 0) {
      walk(copier, inner, rest, depth + 1);
      close(inner);
    } else if (errno == ELOOP || errno == ENOTDIR) {
      struct stat found;
      if (copier->refused < COPIED_MOST_REFUSED && look_at(folder, name, &found) && S_ISLNK(found.st_mode) &&
          !seen_before(copier))
        refuse(copier, "a symbolic link");
    }
  }
  copier->path[length] = '\0';
}

/* Matches the first part of `pattern` against the entries of `folder`, which is at copier->path. */
static void walk(struct copier *copier, int folder, const char *pattern, int depth) {
  if (copier->over) return;
  if (depth > MOST_DEPTH) return stop_at(copier, "the matching folders are more than 32 deep");
  const char *slash = strchr(pattern, '/');
  const char *rest = slash == NULL ? NULL : slash + 1;
  char part[COPIED_MOST_NAME + 1];
  size_t length = slash == NULL ? strlen(pattern) : (size_t)(slash - pattern);
  if (length == 0 || length > COPIED_MOST_NAME) return;
  memcpy(part, pattern, length);
  part[length] = '\0';
  if (!strcmp(part, ".") || !strcmp(part, "..")) return;

  if (strpbrk(part, "*?") == NULL) return step(copier, folder, part, rest, depth);

  bool any_folders = !strcmp(part, "**");
  // `**` also stands for no folder at all; as the last part it is every file below.
  if (any_folders && rest != NULL) walk(copier, folder, rest, depth);
  int again = openat(folder, ".", FOLDER);
  if (again < 0 && is_its_doing(errno)) return;
  DIR *entries = again < 0 ? NULL : fdopendir(again);
  if (entries == NULL) fail(errno, "cannot list a folder of outputs");
  for (struct dirent *entry; !copier->over && (errno = 0, entry = readdir(entries)) != NULL;) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (++copier->entries > MOST_ENTRIES) stop_at(copier, "more than 100000 files to look through");
    else if (any_folders) {
      if (entry->d_name[0] == '.') continue;
      if (rest == NULL) step(copier, folder, entry->d_name, NULL, depth);
      struct stat found;
      if (look_at(folder, entry->d_name, &found) && S_ISDIR(found.st_mode))
        step(copier, folder, entry->d_name, pattern, depth);
    } else if (fnmatch(part, entry->d_name, FNM_NOESCAPE | FNM_PERIOD) == 0)
      step(copier, folder, entry->d_name, rest, depth);
  }
  if (!copier->over && errno != 0) fail(errno, "cannot list a folder of outputs");
  closedir(entries);
}

/* Names the files below `folder`, which is at copier->path, that were written; those whose name begins with a dot are nobody's work. */
static void name_written(struct copier *copier, int folder, int depth) {
  int again = depth > MOST_DEPTH ? -1 : openat(folder, ".", FOLDER);
  DIR *entries = again < 0 ? NULL : fdopendir(again);
  if (entries == NULL) {
    if (again >= 0) close(again);
    return;
  }
  size_t length = strlen(copier->path);
  for (struct dirent *entry; copier->written < COPIED_MOST_WRITTEN && (entry = readdir(entries)) != NULL;) {
    struct stat found;
    if (entry->d_name[0] == '.' || length + strlen(entry->d_name) + 2 > COPIED_MOST_NAME) continue;
    if (++copier->entries > MOST_ENTRIES || fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0) continue;
    snprintf(copier->path + length, PATH_ROOM - length, "%s%s", length > 0 ? "/" : "", entry->d_name);
    if (S_ISDIR(found.st_mode)) {
      int inner = openat(folder, entry->d_name, FOLDER);
      if (inner >= 0) {
        name_written(copier, inner, depth + 1);
        close(inner);
      }
    } else if (S_ISREG(found.st_mode) && !is_as_placed(&found) && is_clean_text(copier->path)) {
      char message[COPIED_MOST_NAME + 32];
      int said = snprintf(message, sizeof message, "%lld %s", (long long)found.st_size, copier->path);
      copier->written++;
      send_message(copier, COPIED_WRITTEN, message, (size_t)said);
    }
    copier->path[length] = '\0';
  }
  closedir(entries);
}

void copy_outputs(const char *root, const struct strings *patterns, int64_t most_file_bytes, int64_t most_bytes, int sink) {
  struct copier *copier = calloc(1, sizeof *copier);
  if (copier == NULL) fail(ENOMEM, "cannot copy the outputs");
  *copier = (struct copier){.sink = sink, .most_file_bytes = most_file_bytes, .bytes_left = most_bytes};
  int folder = open(root, FOLDER);
  if (folder < 0 && !is_its_doing(errno)) fail(errno, "cannot open %s", root);
  for (size_t i = 0; folder >= 0 && i < patterns->count; i++) walk(copier, folder, patterns->at[i], 0);
  if (folder >= 0 && !copier->over) name_written(copier, folder, 0);
  if (folder >= 0) close(folder);
  send_message(copier, COPIED_DONE, NULL, 0);
  free(copier);
}
