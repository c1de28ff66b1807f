#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

enum { MOST_PROGRAMS = 64 };

static char *read_whole(const char *path, size_t *size) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat found;
  if (file < 0 || fstat(file, &found) < 0) fail(errno, "cannot read the job file %s", path);
  char *text = malloc((size_t)found.st_size + 1);
  if (text == NULL) fail(ENOMEM, "cannot hold the job file");
  size_t have = 0;
  while (have < (size_t)found.st_size) {
    ssize_t got = read(file, text + have, (size_t)found.st_size - have);
    if (got <= 0) fail(got < 0 ? errno : 0, "the job file %s ended early", path);
    have += (size_t)got;
  }
  close(file);
  text[have] = '\0';
  *size = have;
  return text;
}

static void add(struct strings *list, char *value) {
  // Grows at powers of two; one place more than `count` is kept for the NULL.
  if ((list->count & (list->count + 1)) == 0) {
    list->at = realloc(list->at, (2 * list->count + 2) * sizeof *list->at);
    if (list->at == NULL) fail(ENOMEM, "cannot hold the job");
  }
  list->at[list->count++] = value;
  list->at[list->count] = NULL;
}

static int64_t number(const char *key, const char *value) {
  char *end;
  errno = 0;
  long long result = strtoll(value, &end, 10);
  if (errno != 0 || end == value || *end != '\0' || result < 0)
    fail(0, "job field %s: expected a whole number, got '%s'", key, value);
  return result;
}

/* "PLAYER LIMIT CASE CASE…", the limit in milliseconds */
static struct sample parse_sample(const char *text, const struct job *job) {
  size_t numbers = 1;
  for (const char *c = text; *c != '\0'; c++) numbers += *c == ' ';
  struct sample sample = {.cases = calloc(numbers, sizeof(size_t))};
  if (sample.cases == NULL) fail(ENOMEM, "cannot hold the samples");
  char *at = (char *)text;
  for (size_t i = 0; i < numbers; i++) {
    char *end;
    size_t value = strtoull(at, &end, 10);
    if (end == at || (*end != ' ' && *end != '\0')) fail(0, "job field sample: expected numbers, got '%s'", text);
    if (i == 0) sample.player = value;
    else if (i == 1) sample.limit_ms = (int64_t)value;
    else if (value >= job->cases.count) fail(0, "job field sample: there is no case %zu", value);
    else sample.cases[sample.count++] = value;
    at = end + 1;
  }
  if (sample.limit_ms <= 0) fail(0, "job field sample: expected a limit, got '%s'", text);
  if (sample.player >= job->program_count) fail(0, "job field sample: no such player in '%s'", text);
  return sample;
}

struct job *read_job(const char *path) {
  size_t size;
  char *text = read_whole(path, &size);
  struct job *job = calloc(1, sizeof *job);
  struct program *program = NULL;
  struct strings samples = {0};
  bool whole = false;
  if (job == NULL || (job->programs = calloc(MOST_PROGRAMS, sizeof *program)) == NULL) fail(ENOMEM, "cannot hold the job");

  for (char *at = text, *end = text + size; at < end;) {
    char *key = at, *value = key + strlen(key) + 1;
    if (value >= end) fail(0, "the job file ends within field %s", key);
    at = value + strlen(value) + 1;
    const char *k = key;
    if (key == text) {
      if (strcmp(key, "crucible-job") != 0 || strcmp(value, "1") != 0)
        fail(0, "expected a job file of version 1, got '%s %s'", key, value);
    } else if (!strcmp(k, "end")) whole = true;
    else if (!strcmp(k, "mode")) job->conducts = !strcmp(value, "conduct"), job->warms = !strcmp(value, "warm");
    else if (!strcmp(k, "habitat")) job->in_container = !strcmp(value, "container");
    else if (!strcmp(k, "nonce")) job->nonce = value;
    else if (!strcmp(k, "result")) job->result = value;
    else if (!strcmp(k, "wallMs")) job->wall_ms = number(k, value);
    else if (!strcmp(k, "cpuMs")) job->cpu_ms = number(k, value);
    else if (!strcmp(k, "memoryMb")) job->memory_bytes = number(k, value) << 20;
    else if (!strcmp(k, "processes")) job->processes = number(k, value);
    else if (!strcmp(k, "outputBytes")) job->output_bytes = number(k, value);
    else if (!strcmp(k, "fileBytes")) job->file_bytes = number(k, value);
    else if (!strcmp(k, "diskBytes")) job->disk_bytes = number(k, value);
    else if (!strcmp(k, "answerBytes")) job->answer_bytes = number(k, value);
    else if (!strcmp(k, "case")) add(&job->cases, value);
    else if (!strcmp(k, "sample")) add(&samples, value);
    else if (!strcmp(k, "trials")) job->trials = value;
    else if (!strcmp(k, "idleMs")) job->idle_ms = number(k, value);
    else if (!strcmp(k, "bwrap")) job->bwrap = value;
    else if (!strcmp(k, "bindFrom")) add(&job->bind_from, value);
    else if (!strcmp(k, "bindTo")) add(&job->bind_to, value);
    else if (!strcmp(k, "linkFrom")) add(&job->link_from, value);
    else if (!strcmp(k, "linkTo")) add(&job->link_to, value);
    else if (!strcmp(k, "slots")) job->slots = value;
    else if (!strcmp(k, "lock")) job->lock = value;
    else if (!strcmp(k, "lockMode")) job->lock_mode = value;
    else if (!strcmp(k, "cgroupMemory")) job->cgroup_memory = value;
    else if (!strcmp(k, "cgroupPids")) job->cgroup_pids = value;
    else if (!strcmp(k, "cgroupCpu")) job->cgroup_cpu = value;
    else if (!strcmp(k, "cgroupFreezer")) job->cgroup_freezer = value;
    else if (!strcmp(k, "allow")) add(&job->allow, value);
    else if (!strcmp(k, "absent")) add(&job->absent, value);
    else if (!strcmp(k, "allowEqual")) add(&job->allow_equal, value);
    else if (!strcmp(k, "allowWithout")) add(&job->allow_without, value);
    else if (!strcmp(k, "program")) {
      if (job->program_count == MOST_PROGRAMS) fail(0, "expected at most %d programs", MOST_PROGRAMS);
      program = &job->programs[job->program_count++];
      program->name = value;
    } else if (program == NULL) fail(0, "job field %s is unknown, or belongs below a program", key);
    else if (!strcmp(k, "kind")) program->serves = !strcmp(value, "serve");
    else if (!strcmp(k, "user")) program->user = (uid_t)number(k, value);
    else if (!strcmp(k, "cwd")) program->cwd = value;
    else if (!strcmp(k, "workspace")) program->workspace = value;
    else if (!strcmp(k, "files")) program->files = value;
    else if (!strcmp(k, "in")) program->in = value;
    else if (!strcmp(k, "arg")) add(&program->arguments, value);
    else if (!strcmp(k, "env")) add(&program->environment, value);
    else if (!strcmp(k, "output")) add(&program->outputs, value);
    else fail(0, "unknown job field %s", key);
  }
  if (!whole) fail(0, "the job file %s is not whole", path);
  if (job->nonce == NULL || job->result == NULL || job->wall_ms == 0 || program == NULL)
    fail(0, "the job file lacks nonce, result, wallMs or a program");
  for (size_t i = 0; i < job->program_count; i++) {
    program = &job->programs[i];
    if (program->arguments.count == 0 || program->environment.count == 0 || program->cwd == NULL || program->workspace == NULL)
      fail(0, "program %s lacks arguments, environment, cwd or workspace", program->name);
    if (job->in_container && program->user == 0) fail(0, "program %s must not run as user 0", program->name);
  }
  if (job->warms && job->trials == NULL) fail(0, "a warm job lacks trials");
  if (job->bind_from.count != job->bind_to.count || job->link_from.count != job->link_to.count)
    fail(0, "bindFrom and bindTo, linkFrom and linkTo come in pairs");
  if (job->cgroup_freezer != NULL && (job->cgroup_memory == NULL || job->cgroup_pids == NULL || job->cgroup_cpu == NULL))
    fail(0, "cgroupFreezer comes with cgroupMemory, cgroupPids and cgroupCpu");
  job->sample_count = samples.count;
  job->samples = calloc(samples.count + 1, sizeof *job->samples);
  if (job->samples == NULL) fail(ENOMEM, "cannot hold the samples");
  for (size_t i = 0; i < samples.count; i++) job->samples[i] = parse_sample(samples.at[i], job);
  return job;
}
