#include "watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "holdings.h"

struct use {
  int64_t cpu_ms, memory_bytes, tasks;
  int64_t file_bytes; /* in files in memory, which memory_bytes has too */
  bool passes_files, hides; /* as of holdings.h */
};

enum { MOST_SEEN = 1 << 16 };

/* Whether a process is gone, or closed to us. Trouble of our own must not pass for that: what is not seen is not counted. */
static bool is_gone(int number) { return number == ENOENT || number == ESRCH || number == EACCES || number == EPERM; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Reads a small file of /proc/PID into `text`; false where the process is gone or closed to us. */
static bool read_proc(int proc, const char *pid, const char *name, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "%.20s/%s", pid, name);
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0 && !is_gone(errno)) fail(errno, "cannot open /proc/%s", path);
  if (file < 0) return false;
  ssize_t got = read(file, text, size - 1);
  if (got < 0 && !is_gone(errno)) fail(errno, "cannot read /proc/%s", path);
  close(file);
  text[got > 0 ? got : 0] = '\0';
  return got > 0;
}

/* As readdir. A folder of a process that ends while it is read ends there. */
static struct dirent *next_entry(DIR *folder) {
  errno = 0;
  struct dirent *entry = readdir(folder);
  if (entry == NULL && errno != 0 && !is_gone(errno)) fail(errno, "cannot read /proc");
  return entry;
}

static int64_t kilobytes(const char *text, const char *key) {
  const char *at = strstr(text, key);
  return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10) * 1024;
}

const char *const place_names[PLACES] = {"/work", "/tmp", "/dev/shm"};

void look_at_space(struct space *space) {
  space->looked_ns = now_ns();
  for (int i = 0; i < PLACES; i++) {
    struct statvfs found;
    if (statvfs(place_names[i], &found) < 0) fail(errno, "cannot look at %s", place_names[i]);
    // An empty file takes about a kilobyte of the kernel's memory.
    int64_t empty = (int64_t)(found.f_files - found.f_ffree) * 1024;
    space->at[i].bytes = (int64_t)(found.f_blocks - found.f_bfree) * (int64_t)found.f_frsize + empty;
    if (space->at[i].bytes > space->at[i].most_bytes) space->at[i].most_bytes = space->at[i].bytes;
    if (found.f_bavail == 0) space->at[i].full_ns = space->looked_ns;
  }
}

static int64_t temporary_bytes(void) {
  int64_t sum = 0;
  struct space space = {0};
  look_at_space(&space);
  for (int i = 0; i < PLACES; i++) sum += space.at[i].bytes;
  return sum;
}

/* Adds up the living processes but this one. `exact` counts shared memory once, which takes a look at every page. */
static struct use living(bool memory, bool exact, struct seen *seen, size_t *count) {
  struct use use = {0};
  int64_t shared = 0, page = sysconf(_SC_PAGESIZE), tick_ms = 1000 / sysconf(_SC_CLK_TCK);
  struct holdings holdings = {0};
  DIR *folder = opendir("/proc");
  if (folder == NULL) fail(errno, "cannot read /proc");
  for (struct dirent *entry; (entry = next_entry(folder)) != NULL;) {
    char text[4096];
    if (!isdigit((unsigned char)entry->d_name[0]) || !strcmp(entry->d_name, "1")) continue;
    if (!read_proc(dirfd(folder), entry->d_name, "stat", text, sizeof text)) continue;
    // The command's name is in parentheses and may contain anything: what follows the last one is ours to count.
    char *at = strrchr(text, ')');
    unsigned long long times[4], threads, started, rss;
    if (at == NULL || sscanf(at + 2, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu %llu %*s %*s %llu %*s %llu %*s %llu",
                             &times[0], &times[1], &times[2], &times[3], &threads, &started, &rss) != 7)
      continue;
    if (seen != NULL && *count < MOST_SEEN)
      seen[(*count)++] = (struct seen){atoi(entry->d_name), started, process_cpu_ns(atoi(entry->d_name)) / MS, (int64_t)threads};
    use.tasks += (int64_t)threads;
    for (int i = 0; i < 4; i++) use.cpu_ms += (int64_t)times[i] * tick_ms;
    if (!memory) continue;
    // One that has ended holds nothing, and one that is just ending shows nothing.
    if (strchr("ZX", at[2]) == NULL) add_holdings(&holdings, dirfd(folder), entry->d_name);
    if (exact && read_proc(dirfd(folder), entry->d_name, "smaps_rollup", text, sizeof text)) {
      use.memory_bytes += kilobytes(text, "Pss_Anon:");
      shared += kilobytes(text, "Pss_Shmem:");
    } else use.memory_bytes += (int64_t)rss * page;
  }
  closedir(folder);
  if (memory) {
    finish_holdings(&holdings);
    use.file_bytes = temporary_bytes() + holdings.file_bytes;
    use.passes_files = holdings.under_way > 0;
    use.hides = holdings.hides;
    // A mapped file is in both.
    use.memory_bytes += larger(use.file_bytes, shared) + holdings.queue_bytes;
  }
  return use;
}

/* The state of a thread, as proc(5) has it; 'X' where it is gone. */
static char state_of(int folder, const char *id) {
  char text[1024];
  const char *at = read_proc(folder, id, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
  return at != NULL && at[1] != '\0' ? at[2] : 'X';
}

int64_t process_cpu_ns(pid_t pid) {
  struct timespec used;
  clockid_t clock;
  int number = clock_getcpuclockid(pid, &clock);
  if (number == 0 && clock_gettime(clock, &used) < 0) number = errno;
  if (number == ESRCH || number == EINVAL) return 0;
  if (number != 0) fail(number, "cannot read the processor time of process %d", pid);
  return used.tv_sec * 1000000000LL + used.tv_nsec;
}

/* The two first numbers of a thread's schedstat (sched-stats(5)): nanoseconds on a processor, and in line for one. */
static bool read_schedule(const char *id, int64_t *ran_ns, int64_t *waited_ns) {
  char path[64], text[128];
  snprintf(path, sizeof path, "/proc/%.20s/schedstat", id);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  text[got > 0 ? got : 0] = '\0';
  long long ran, waited;
  if (sscanf(text, "%lld %lld", &ran, &waited) != 2) return false;
  *ran_ns = ran, *waited_ns = waited;
  return true;
}

int64_t thread_waited_ns(pid_t id) {
  char text[24];
  int64_t ran_ns, waited_ns;
  snprintf(text, sizeof text, "%d", id);
  return read_schedule(text, &ran_ns, &waited_ns) ? waited_ns : 0;
}

bool waiting_is_told(void) {
  int64_t ran_ns, waited_ns;
  return read_schedule("self", &ran_ns, &waited_ns) && ran_ns > 0;
}

/* Adds the threads of process `pid` that have not ended to `*seen`. Where the main one has, the others may go on. */
static bool threads_stand_still(int proc, const char *pid, struct stillness *seen) {
  char path[64];
  snprintf(path, sizeof path, "%.20s/task", pid);
  int file = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0 && !is_gone(errno)) fail(errno, "cannot open /proc/%s", path);
  if (file < 0) return true;
  DIR *folder = fdopendir(file);
  if (folder == NULL) fail(errno, "cannot read /proc/%s", path);
  bool still = true;
  for (struct dirent *entry; (entry = next_entry(folder)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    char state = state_of(dirfd(folder), entry->d_name);
    if (state == 'Z' || state == 'X') continue;
    seen->threads++;
    seen->waited_ns += thread_waited_ns((pid_t)atoi(entry->d_name));
    if (state != 'T' && state != 't') still = false;
  }
  closedir(folder);
  return still;
}

static bool is_of(int proc, const char *pid, uid_t user) {
  char text[4096];
  if (user == ANY_USER) return true;
  if (!read_proc(proc, pid, "status", text, sizeof text)) return false;
  // The only line that begins so: the name above it has its line breaks escaped.
  const char *at = strstr(text, "\nUid:\t");
  return at != NULL && strtoul(at + 6, NULL, 10) == user;
}

bool tree_stands_still(uid_t user, struct stillness *seen) {
  DIR *folder = opendir("/proc");
  if (folder == NULL) fail(errno, "cannot read /proc");
  bool still = true;
  *seen = (struct stillness){0};
  for (struct dirent *entry; (entry = next_entry(folder)) != NULL;) {
    const char *pid = entry->d_name;
    if (!isdigit((unsigned char)pid[0]) || !strcmp(pid, "1") || !is_of(dirfd(folder), pid, user)) continue;
    int64_t before = seen->threads;
    if (!threads_stand_still(dirfd(folder), pid, seen)) still = false;
    // What has ended uses nothing, and may be gone at the next look.
    if (seen->threads > before) seen->cpu_ns += process_cpu_ns((pid_t)atoi(pid));
  }
  closedir(folder);
  return still;
}

static int64_t waited_cpu_ms(void) {
  struct rusage use;
  if (getrusage(RUSAGE_CHILDREN, &use) < 0) fail(errno, "cannot read what the program used");
  return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000LL + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}

/* The number that was given out last in this process namespace, to a process or a thread. */
static int64_t last_pid(void) {
  char text[256];
  int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (got <= 0) fail(got < 0 ? errno : 0, "cannot read /proc/loadavg");
  close(file);
  text[got] = '\0';
  const char *at = strrchr(text, ' ');
  return at == NULL ? 0 : atoll(at);
}

static const struct seen *find(const struct seen *list, size_t count, const struct seen *wanted) {
  for (size_t i = 0; i < count; i++)
    if (list[i].pid == wanted->pid && list[i].started == wanted->started) return &list[i];
  return NULL;
}

/* Replaces what was seen by what is seen `now`, and counts who ended, or came and went, in between. */
static void account(struct watch *watch, struct seen *now, size_t count) {
  int64_t created = 0, more_ms = 0, time_ns = now_ns(), newest = last_pid();
  for (size_t i = 0; i < count; i++) {
    const struct seen *before = find(watch->seen, watch->seen_count, &now[i]);
    more_ms += now[i].cpu_ms - (before == NULL ? 0 : before->cpu_ms);
    int64_t tasks = now[i].tasks - (before == NULL ? 0 : before->tasks);
    if (tasks > 0) created += tasks;
  }
  // Numbers begin anew when they are used up; then nothing is known of how many came and went.
  int64_t given = newest - watch->last_pid, unseen = given < 0 ? INT32_MAX : given - created;
  for (size_t i = 0; i < watch->seen_count; i++) {
    if (find(now, count, &watch->seen[i]) != NULL) continue;
    watch->ended_ms += watch->seen[i].cpu_ms;
    unseen++;
  }
  if (watch->looked_ns > 0) {
    int64_t between_ms = (time_ns - watch->looked_ns) / MS, most_ms = sysconf(_SC_NPROCESSORS_ONLN) * between_ms - more_ms;
    if (unseen > 0 && most_ms > 0) watch->ended_ms += unseen * between_ms < most_ms ? unseen * between_ms : most_ms;
  }
  free(watch->seen);
  watch->seen = now;
  watch->seen_count = count;
  watch->looked_ns = time_ns;
  watch->last_pid = newest;
}

static int64_t seen_cpu_ms(const struct watch *watch) {
  int64_t sum = watch->ended_ms;
  for (size_t i = 0; i < watch->seen_count; i++) sum += watch->seen[i].cpu_ms;
  return sum;
}

int64_t tree_cpu_ms(const struct watch *watch) {
  return larger(waited_cpu_ms() + living(false, false, NULL, NULL).cpu_ms, seen_cpu_ms(watch));
}

enum excess watch_tree(struct watch *watch) {
  if (watch->cpu_ms == 0 && watch->memory_bytes == 0 && watch->processes == 0) return WITHIN;
  size_t count = 0;
  struct seen *now = watch->cpu_ms > 0 ? calloc(MOST_SEEN, sizeof *now) : NULL;
  if (watch->cpu_ms > 0 && now == NULL) fail(ENOMEM, "cannot hold what was seen");
  struct use use = living(watch->memory_bytes > 0, false, now, &count);
  if (now != NULL) account(watch, now, count);
  if (watch->memory_bytes > 0) {
    if (watch->host_file_bytes == 0) watch->host_file_bytes = host_file_bytes() - use.file_bytes;
    if (use.memory_bytes > watch->memory_bytes) use = living(true, true, NULL, NULL);
    // What is under way in a socket nobody can look at; that there is more on the host than what was seen tells of it.
    int64_t more_bytes = use.passes_files ? host_file_bytes() - watch->host_file_bytes - use.file_bytes : 0;
    if (more_bytes > 0) use.memory_bytes += more_bytes;
    if (use.hides) use.memory_bytes = watch->memory_bytes + 1;
    if (use.memory_bytes > watch->most_memory_bytes) watch->most_memory_bytes = use.memory_bytes;
    if (use.memory_bytes > watch->memory_bytes) return TOO_MUCH_MEMORY;
  }
  if (watch->processes > 0) {
    if (use.tasks >= watch->processes) watch->processes_reached = true;
    if (use.tasks > watch->processes) return TOO_MANY_PROCESSES;
  }
  if (watch->cpu_ms > 0 && larger(waited_cpu_ms() + use.cpu_ms, seen_cpu_ms(watch)) > watch->cpu_ms) return TOO_MUCH_CPU;
  return WITHIN;
}
