/* Putting a program's files where it will find them, and clearing them away. Run as the program's user. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Copies the folder open as `from`, folders and regular files only, to `to`, which is made where it is missing.
 * Every file gets `mode`, and a time that tells it from what is written later. Returns 0 or an errno. */
int place_tree(int from, const char *to, mode_t mode);

/* Whether a file has the time that `place_tree` gave it: nothing has written it since, but by mapping it. */
bool is_as_placed(const struct stat *found);

/* Makes the folder `path` of mode 0700 and its `.tmp` (TMPDIR). Returns 0 or an errno; that it was there is none. */
int make_home(const char *path);

/* Removes all that is in the folder `path`, however deep and however named. Returns 0 or an errno. */
int empty_folder(const char *path);
