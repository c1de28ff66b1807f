#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.h"

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "seccomp.c knows x86-64 and aarch64"
#endif

static const struct {
  const char *name;
  int number;
} table[] = {
#include "syscall-table.h"
};

/* -1: this machine has no such call, so there is nothing to allow. */
static int number_of(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(table[i].name, name)) return table[i].number;
  return -1;
}

struct program_text {
  struct sock_filter at[BPF_MAXINSNS];
  unsigned short count;
};

static void emit(struct program_text *text, struct sock_filter instruction) {
  if (text->count == BPF_MAXINSNS) fail(0, "the seccomp rules are too many");
  text->at[text->count++] = instruction;
}

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(number) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(field))
#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, (unsigned)(value), (yes), (no))

/* "CALL ARGUMENT VALUE…": allowed where the argument is one of the values, or, `without`, has no bit of the only value. */
static void emit_rule(struct program_text *text, const char *rule, bool without) {
  char copy[512], *rest;
  if (strlen(rule) >= sizeof copy) fail(0, "a seccomp rule is too long");
  strcpy(copy, rule);
  char *name = strtok_r(copy, " ", &rest), *argument = strtok_r(NULL, " ", &rest);
  if (name == NULL || argument == NULL) fail(0, "expected a call, an argument and values in the seccomp rule '%s'", rule);
  int number = number_of(name);
  if (number < 0) return;
  unsigned long long values[100];
  unsigned count = 0;
  for (char *value; (value = strtok_r(NULL, " ", &rest)) != NULL && count < 100;) values[count++] = strtoull(value, NULL, 10);

  size_t low = offsetof(struct seccomp_data, args) + strtoul(argument, NULL, 10) * 8;
  unsigned body = without ? 6 : 4 + 2 * count;
  emit(text, (struct sock_filter)JUMP(BPF_JEQ, number, 0, (unsigned char)body));
  emit(text, (struct sock_filter)LOAD(low + 4));
  if (without) {
    emit(text, (struct sock_filter)JUMP(BPF_JSET, values[0] >> 32, 2, 0));
    emit(text, (struct sock_filter)LOAD(low));
    // A bit of the upper half has jumped to the refusal; none in the lower half skips it.
    emit(text, (struct sock_filter)JUMP(BPF_JSET, values[0], 0, 1));
    emit(text, (struct sock_filter)REFUSE(EPERM));
    emit(text, (struct sock_filter)ALLOW);
    return;
  }
  // The upper half must be zero, for every value is small: else past all comparisons, to the refusal.
  emit(text, (struct sock_filter)JUMP(BPF_JEQ, 0, 0, (unsigned char)(1 + 2 * count)));
  emit(text, (struct sock_filter)LOAD(low));
  for (unsigned i = 0; i < count; i++) {
    emit(text, (struct sock_filter)JUMP(BPF_JEQ, values[i], 0, 1));
    emit(text, (struct sock_filter)ALLOW);
  }
  emit(text, (struct sock_filter)REFUSE(EPERM));
}

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int as_file(const struct program_text *text) {
  int file = memfd_create("seccomp", MFD_CLOEXEC);
  size_t size = text->count * sizeof *text->at;
  if (file < 0 || write(file, text->at, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) < 0)
    fail(errno, "cannot hold the seccomp program");
  return file;
}

static void load(const struct program_text *text) {
  struct sock_fprog program = {text->count, (struct sock_filter *)text->at};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) fail(errno, "cannot load the seccomp program");
}

void load_seccomp(int file) {
  static struct program_text text;
  ssize_t got = pread(file, text.at, sizeof text.at, 0);
  if (got <= 0) fail(got < 0 ? errno : 0, "cannot read the seccomp program");
  text.count = (unsigned short)((size_t)got / sizeof *text.at);
  load(&text);
}

/* Users of the system are below it. */
enum { FIRST_FREE_USER = 1000 };

void hold_users(void) {
  static struct program_text text;
  const int refused[] = {SYS_setuid, SYS_setreuid, SYS_setfsuid, SYS_setgid, SYS_setregid, SYS_setfsgid};
  const int checked[] = {SYS_setresuid, SYS_setresgid};
  text.count = 0;
  emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
  emit(&text, (struct sock_filter)JUMP(BPF_JEQ, THIS_ARCHITECTURE, 1, 0));
  emit(&text, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    emit(&text, (struct sock_filter)JUMP(BPF_JEQ, refused[i], 0, 1));
    emit(&text, (struct sock_filter)REFUSE(EPERM));
  }
  for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
    emit(&text, (struct sock_filter)JUMP(BPF_JEQ, checked[i], 0, 8));
    // The kernel looks at the lower half alone. A comparison that fails jumps to the refusal.
    for (size_t argument = 0; argument < 3; argument++) {
      emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, args) + argument * 8));
      emit(&text, (struct sock_filter)JUMP(BPF_JGE, FIRST_FREE_USER, 0, (unsigned char)(5 - 2 * argument)));
    }
    emit(&text, (struct sock_filter)ALLOW);
    emit(&text, (struct sock_filter)REFUSE(EPERM));
  }
  emit(&text, (struct sock_filter)JUMP(BPF_JEQ, SYS_setgroups, 0, 4));
  emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, args)));
  emit(&text, (struct sock_filter)JUMP(BPF_JEQ, 0, 0, 1));
  emit(&text, (struct sock_filter)ALLOW);
  emit(&text, (struct sock_filter)REFUSE(EPERM));
  emit(&text, (struct sock_filter)ALLOW);
  load(&text);
}

int compile_seccomp(const struct job *job, const char *more) {
  static struct program_text text;
  text.count = 0;
  emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
  emit(&text, (struct sock_filter)JUMP(BPF_JEQ, THIS_ARCHITECTURE, 1, 0));
  emit(&text, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  emit(&text, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
#ifdef X32_BIT
  emit(&text, (struct sock_filter)JUMP(BPF_JGE, X32_BIT, 0, 1));
  emit(&text, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#endif
  for (size_t i = 0; i < job->absent.count; i++) {
    int number = number_of(job->absent.at[i]);
    if (number < 0) continue;
    emit(&text, (struct sock_filter)JUMP(BPF_JEQ, number, 0, 1));
    emit(&text, (struct sock_filter)REFUSE(ENOSYS));
  }
  for (size_t i = 0; i < job->allow_equal.count; i++) emit_rule(&text, job->allow_equal.at[i], false);
  for (size_t i = 0; i < job->allow_without.count; i++) emit_rule(&text, job->allow_without.at[i], true);

  int *numbers = calloc(job->allow.count + 2, sizeof *numbers);
  size_t count = 0;
  if (numbers == NULL) fail(ENOMEM, "cannot hold the seccomp rules");
  for (size_t i = 0; i < job->allow.count; i++)
    if ((numbers[count] = number_of(job->allow.at[i])) >= 0) count++;
  if (more != NULL && (numbers[count] = number_of(more)) >= 0) count++;
  qsort(numbers, count, sizeof *numbers, by_number);
  // Neighbours become one range; being sorted, a number below a range is in none.
  for (size_t first = 0, last; first < count; first = last + 1) {
    for (last = first; last + 1 < count && numbers[last + 1] <= numbers[last] + 1;) last++;
    emit(&text, (struct sock_filter)JUMP(BPF_JGE, numbers[first], 1, 0));
    emit(&text, (struct sock_filter)REFUSE(EPERM));
    emit(&text, (struct sock_filter)JUMP(BPF_JGT, numbers[last], 1, 0));
    emit(&text, (struct sock_filter)ALLOW);
  }
  emit(&text, (struct sock_filter)REFUSE(EPERM));
  free(numbers);

  return as_file(&text);
}
