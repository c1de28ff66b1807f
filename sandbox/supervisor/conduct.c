#include "conduct.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "clock.h"
#include "ending.h"
#include "fail.h"
#include "outputs.h"
#include "record.h"
#include "text.h"

enum {
  ANSWER_HEADER = 64,         /* bytes before an answer's frame: the reply, and nothing */
  INLINE_BYTES = 1 << 16,     /* what is no longer is in the message itself, and costs the player no system call more */
  MOST_ERROR_BYTES = 1 << 16, /* of what a player says went wrong */
  SETTLE_NS = 200000,         /* a player is back in its wait for the next request by then */
  HANG_UP_NS = 1000000000,    /* who closes the exchange may take that long to end */
};

/* The heads of the two messages of an exchange (../guest/README.md). */
struct request {
  uint64_t input_bytes, answer_bytes;
};
struct reply {
  char kind, zero[7];
  uint64_t answer_bytes, input_bytes;
};

#define GOES_ON \
  "it did not stand still after it had answered: a process or a thread of it went on, or was in a system call that takes longer than " \
  "5 s"

struct player {
  struct cell cell;
  struct ending ending; /* exited 0 until it fails */
  char *error;          /* what it, or the conductor, says went wrong; NULL: nothing */
  int64_t kept_bytes;   /* of its answers, and of inputs that it changed, in the result folder */
  char out_name[32], err_name[32];
};

/* An answer that was written out, to be found again by its bytes. */
struct kept {
  uint64_t hash;
  int64_t size;
  unsigned number;
};

struct conduct {
  const struct job *job;
  int result;
  int64_t deadline_ns;
  struct player *players;
  struct kept *kept;
  size_t kept_count;
  unsigned answers, mutations, outputs, texts; /* counters of result files a0…, m0…, o0…, s0… */
  FILE *samples;                        /* inner text of the JSON array */
  int64_t cpu_ms, peak_bytes;
};

static void say_error(struct player *player, const char *text) {
  free(player->error);
  player->error = strdup(text);
}

/* Ends a player after `event` and judges it. */
static void end_player(struct player *player, enum event event, int64_t limit_ms) {
  cell_kill(&player->cell);
  player->ending = ending_of(&player->cell, event, limit_ms);
}

/* Ends a player that broke the protocol: it is what the conductor did to it that ended it. */
static bool break_off(struct player *player, const char *why) {
  end_player(player, ENDED, 0);
  if (ended_well(&player->ending)) player->ending = (struct ending){.kind = SIGNALLED, .code = SIGKILL};
  if (player->error == NULL) say_error(player, why);
  return false;
}

/* The earlier of the whole's deadline and that of a sample which begins now; `*limit_ms` is the limit it stands for. */
static int64_t sample_deadline(const struct conduct *conduct, const struct sample *sample, int64_t *limit_ms) {
  int64_t deadline = now_ns() + sample->limit_ms * MS;
  bool whole = conduct->deadline_ns < deadline;
  *limit_ms = whole ? conduct->job->wall_ms : sample->limit_ms;
  return whole ? conduct->deadline_ns : deadline;
}

static bool prepare_player(struct player *player) {
  int number = cell_prepare(&player->cell);
  if (number == 0) return true;
  char detail[120];
  snprintf(detail, sizeof detail, "its files cannot be laid out: %s", strerror(number));
  player->ending = resource_limit("files", detail);
  return false;
}

/* Whether `event` is a message of the player. Otherwise ends it. */
static bool has_answered(struct player *player, enum event event, int64_t limit_ms) {
  if (event == HUNG_UP) {
    // Most likely by ending: then how it ended says more.
    event = cell_wait(&player->cell, now_ns() + HANG_UP_NS, false);
    if (event == DEADLINE_PASSED) return break_off(player, "it closed the exchange without an answer");
  }
  if (event == ANSWERED) return true;
  end_player(player, event, limit_ms);
  if (ended_well(&player->ending)) say_error(player, "it ended before it had answered");
  return false;
}

/* Starts a serving player, waits until it is ready to be asked, and stops it. */
static bool start_serving(struct conduct *conduct, struct player *player) {
  if (!prepare_player(player)) return false;
  cell_start(&player->cell);
  enum event event = cell_wait(&player->cell, conduct->deadline_ns, true);
  if (!has_answered(player, event, conduct->job->wall_ms)) return false;
  char bytes[2], why[100];
  ssize_t got = recv(player->cell.exchange, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno != ECONNRESET) fail(errno, "cannot hear program %s", player->cell.program->name);
  if (got != 1 || bytes[0] != 'R') {
    snprintf(why, sizeof why, "expected one byte, R, got a message that begins with 0x%02x", got > 0 ? (unsigned char)bytes[0] : 0);
    return break_off(player, got > 0 ? why : "expected one byte, R, got an empty message");
  }
  return cell_stop(&player->cell) || break_off(player, "it did not stand still after it was ready");
}

/* Bytes in this process. */
struct bytes {
  const unsigned char *at;
  size_t length;
};

/* Maps all of a file that nobody can shorten. */
static struct bytes map_file(int file, int64_t length) {
  if (length == 0) return (struct bytes){NULL, 0};
  void *at = mmap(NULL, (size_t)length, PROT_READ, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) fail(errno, "cannot map %lld bytes", (long long)length);
  return (struct bytes){at, (size_t)length};
}

static void unmap(struct bytes bytes) {
  if (bytes.length > 0) munmap((void *)bytes.at, bytes.length);
}

static struct bytes map_case(const struct job *job, size_t number) {
  struct stat found;
  int file = open(job->cases.at[number], O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &found) < 0) fail(errno, "cannot open %s", job->cases.at[number]);
  struct bytes bytes = map_file(file, found.st_size);
  close(file);
  return bytes;
}

/* A memory with a copy of the case: players may write to it, but not change its size under the conductor. */
static int make_memory(struct bytes bytes) {
  int memory = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0) fail(errno, "cannot make memory for an input");
  for (size_t put = 0; put < bytes.length;) {
    ssize_t done = write(memory, bytes.at + put, bytes.length - put);
    if (done < 0 && errno != EINTR) fail(errno, "cannot put %zu bytes into memory", bytes.length);
    if (done > 0) put += (size_t)done;
  }
  if (fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) fail(errno, "cannot seal memory");
  return memory;
}

/* The "go": the case itself, or the memory it is in. */
static void send_request(int exchange, struct bytes bytes, int64_t room, int memory) {
  struct request request = {bytes.length, (uint64_t)room};
  struct iovec parts[] = {{&request, sizeof request}, {(void *)bytes.at, bytes.length}};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof memory)];
  } control = {0};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = memory < 0 ? 2 : 1};
  if (memory >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof memory)};
    memcpy(CMSG_DATA(rights), &memory, sizeof memory);
  }
  // A player that has gone is no failure: the wait for its answer says how it went.
  if (sendmsg(exchange, &message, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) fail(errno, "cannot ask a player");
}

/* What a player said: its bytes are out of its reach. */
struct answer {
  struct reply head;
  struct bytes frame, input; /* `input` is empty where the player sent none */
  struct bytes mapped;       /* both, where they came in a memory */
};

/* Takes in a message and the memory it may come with; -1: none. Returns its length. */
static ssize_t receive_message(int exchange, void *into, size_t size, int *memory) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof *memory)];
  } control;
  struct iovec part = {into, size};
  // Room for one descriptor, not for one more that alignment would leave: nobody would close it.
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof *memory)};
  ssize_t got = recvmsg(exchange, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
  if (got < 0 && errno != ECONNRESET) fail(errno, "cannot hear a player");
  struct cmsghdr *rights = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
  *memory = -1;
  if (rights != NULL && rights->cmsg_type == SCM_RIGHTS) memcpy(memory, CMSG_DATA(rights), sizeof *memory);
  return got;
}

/* Whether nobody can change what is in `memory` any more, nor its size. */
static bool is_sealed(int memory) {
  const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  int seals = fcntl(memory, F_GET_SEALS);
  // That is a file of another kind.
  if (seals < 0 && errno != EINVAL) fail(errno, "cannot look at a player's memory");
  return seals >= 0 && (seals & all) == all;
}

/*
 * Receives the answer that `event` told of. Whatever makes it impossible to take ends the player, with what came instead as its
 * error. When this returns the player can change nothing of it.
 */
static bool receive_answer(struct conduct *conduct, struct player *player, size_t given, enum event event, int64_t limit_ms,
                           struct answer *answer) {
  static unsigned char message[ANSWER_HEADER + INLINE_BYTES];
  if (!has_answered(player, event, limit_ms)) return false;
  int memory;
  ssize_t got = receive_message(player->cell.exchange, message, sizeof message, &memory);
  *answer = (struct answer){.mapped = {NULL, 0}};
  const char *why = NULL;
  char text[100];
  if (got > 0) memcpy(&answer->head, message, sizeof answer->head);
  uint64_t frame = answer->head.answer_bytes, input = answer->head.input_bytes, room = (uint64_t)conduct->job->answer_bytes;
  uint64_t input_at = (frame + 63) / 64 * 64, length = input > 0 ? input_at + input : frame;
  if (got <= 0) why = "expected an answer, got an empty message";
  else if (got < ANSWER_HEADER || (answer->head.kind != 'D' && answer->head.kind != 'E')) {
    snprintf(text, sizeof text, "expected an answer, got a message of %zd bytes that begins with 0x%02x", got, message[0]);
    why = text;
  } else if (frame > room || input > room + 2 * given) why = "its answer is larger than an answer may be";
  else if (memory < 0) {
    if ((size_t)got > sizeof message || (uint64_t)got != ANSWER_HEADER + length) why = "its answer is not as long as it says";
    answer->frame = (struct bytes){message + ANSWER_HEADER, frame};
    answer->input = (struct bytes){message + ANSWER_HEADER + input_at, input};
  } else {
    struct stat found;
    if (fstat(memory, &found) < 0) fail(errno, "cannot look at a player's memory");
    if (!is_sealed(memory)) why = "its answer can still be changed";
    else if ((uint64_t)found.st_size != length) why = "its answer is not as long as it says";
    else {
      answer->mapped = map_file(memory, found.st_size);
      answer->frame = (struct bytes){answer->mapped.at, frame};
      answer->input = (struct bytes){answer->mapped.at + input_at, input};
    }
  }
  if (memory >= 0) close(memory);
  return why == NULL || break_off(player, why);
}

static bool same_bytes(struct bytes one, struct bytes other) {
  return one.length == other.length && (one.length == 0 || memcmp(one.at, other.at, one.length) == 0);
}

/* Writes bytes to a new result file. */
static void write_out(struct conduct *conduct, struct bytes bytes, const char *name) {
  int file = openat(conduct->result, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) fail(errno, "cannot make %s in the result folder", name);
  write_bytes(file, bytes.at, bytes.length);
  end_file(file);
}

/* FNV-1a over 8 bytes at a time: good enough to look up what is then compared. */
static uint64_t hash_of(struct bytes bytes) {
  uint64_t hash = 14695981039346656037ULL;
  for (size_t at = 0; at < bytes.length; at += 8) {
    uint64_t word = 0;
    memcpy(&word, bytes.at + at, bytes.length - at < 8 ? bytes.length - at : 8);
    hash = (hash ^ word) * 1099511628211ULL;
  }
  return hash;
}

/* Writes an answer to a result file, unless one with the same bytes is there. Returns its number. */
static unsigned keep_answer(struct conduct *conduct, struct player *player, struct bytes bytes) {
  char name[24];
  uint64_t hash = hash_of(bytes);
  for (size_t i = 0; i < conduct->kept_count; i++) {
    const struct kept *kept = &conduct->kept[i];
    if (kept->hash != hash || kept->size != (int64_t)bytes.length) continue;
    snprintf(name, sizeof name, "a%u", kept->number);
    int file = openat(conduct->result, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) fail(errno, "cannot open %s in the result folder", name);
    struct bytes before = map_file(file, kept->size);
    close(file);
    bool same = same_bytes(bytes, before);
    unmap(before);
    if (same) return kept->number;
  }
  snprintf(name, sizeof name, "a%u", conduct->answers);
  write_out(conduct, bytes, name);
  player->kept_bytes += (int64_t)bytes.length;
  conduct->kept = realloc(conduct->kept, (conduct->kept_count + 1) * sizeof *conduct->kept);
  if (conduct->kept == NULL) fail(ENOMEM, "cannot hold the list of answers");
  conduct->kept[conduct->kept_count++] = (struct kept){hash, (int64_t)bytes.length, conduct->answers};
  return conduct->answers++;
}

static void write_known(FILE *record, const char *name, bool known, int64_t number) {
  if (known) fprintf(record, "\"%s\":%lld,", name, (long long)number);
  else fprintf(record, "\"%s\":null,", name);
}

/* `before` is what was seen of the player before its turn; NULL: it was started for it. */
static void begin_sample(struct conduct *conduct, const struct player *player, int64_t ns, const struct stillness *before) {
  const struct stillness *now = &player->cell.stillness;
  if (ftell(conduct->samples) > 0) fputc(',', conduct->samples);
  fprintf(conduct->samples, "{\"player\":\"%s\",\"ns\":%lld,", player->cell.program->name, (long long)ns);
  // What ended in between took along what was known of it.
  bool known = before != NULL && now->cpu_ns >= before->cpu_ns;
  write_known(conduct->samples, "cpuNs", known, known ? now->cpu_ns - before->cpu_ns : 0);
  known = known && waiting_is_told() && now->waited_ns >= before->waited_ns;
  write_known(conduct->samples, "waitedNs", known, known ? now->waited_ns - before->waited_ns : 0);
  fputs("\"answers\":[", conduct->samples);
}

static void say_failure(struct player *player, struct bytes text) {
  free(player->error);
  player->error = strndup((const char *)text.at, text.length < MOST_ERROR_BYTES ? text.length : MOST_ERROR_BYTES);
  if (player->error == NULL) fail(ENOMEM, "cannot hold an error");
}

/* Writes out an answer, and the input where the player changed it: `left` is what it left of the case, if not as it was sent. */
static void keep_exchange(struct conduct *conduct, struct player *player, const struct answer *answer, struct bytes left, FILE *answers) {
  fprintf(answers, "%s{\"output\":\"a%u\",\"mutatedInput\":", ftell(answers) > 0 ? "," : "", keep_answer(conduct, player, answer->frame));
  if (left.at == NULL) fputs("null}", answers);
  else {
    char name[24];
    snprintf(name, sizeof name, "m%u", conduct->mutations++);
    write_out(conduct, left, name);
    player->kept_bytes += (int64_t)left.length;
    fprintf(answers, "\"%s\"}", name);
  }
}

/*
 * One input, one answer; `*ns` grows by the time between. The input is sent after the clock has been read, and the clock is read
 * again when the player can change neither its answer nor the input any more. Of an answer that is so as soon as it has been
 * received. An input in a memory is in the player's reach for as long as it runs: then the clock runs until it is seen stopped.
 */
static bool ask(struct conduct *conduct, struct player *player, size_t number, int64_t deadline, int64_t limit_ms, int64_t *ns,
                FILE *answers) {
  const struct job *job = conduct->job;
  struct cell *cell = &player->cell;
  struct bytes given = map_case(job, number);
  int memory = given.length <= INLINE_BYTES ? -1 : make_memory(given);
  struct answer answer = {.mapped = {NULL, 0}};
  bool good;
  char byte;

  if (cell->stopped) cell_resume(cell);
  pause_ns(SETTLE_NS);
  ssize_t early = recv(cell->exchange, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  if (early < 0 && errno != EAGAIN && errno != ECONNRESET) fail(errno, "cannot hear a player");
  if (early > 0) good = break_off(player, "it answered before it was asked");
  else {
    int64_t asked_ns = raw_ns();
    send_request(cell->exchange, given, job->answer_bytes, memory);
    enum event event = cell_wait(cell, deadline, true);
    good = receive_answer(conduct, player, given.length, event, limit_ms, &answer);
    int64_t done_ns = raw_ns();
    if (good && memory >= 0) {
      good = cell_stop(cell) || break_off(player, GOES_ON);
      done_ns = cell->stopped_ns;
    }
    *ns += done_ns - asked_ns;
    int unread = 0;
    if (good && ioctl(cell->exchange, SIOCOUTQ, &unread) < 0) fail(errno, "cannot see what a player has read");
    if (good && unread > 0) good = break_off(player, "it answered before it had read what was asked");
  }
  if (good && answer.head.kind == 'E') {
    say_failure(player, answer.frame);
    cell_kill(cell);
    player->ending = (struct ending){.kind = EXITED, .code = 1};
    good = false;
  } else if (good) {
    struct bytes now = memory < 0 ? given : map_file(memory, (int64_t)given.length);
    struct bytes left = answer.input.length > 0 ? answer.input : now;
    keep_exchange(conduct, player, &answer, same_bytes(left, given) ? (struct bytes){NULL, 0} : left, answers);
    if (memory >= 0) unmap(now);
    if (player->kept_bytes > conduct->job->disk_bytes)
      good = break_off(player, "its answers together are larger than its disk may be, see the limit diskMb");
  }
  unmap(answer.mapped);
  unmap(given);
  if (memory >= 0) close(memory);
  return good;
}

/*
 * A sample of several cases is as many exchanges: no input is sent before the answer to the one before it has been received. The
 * player runs all along, and is stopped before anybody else's turn.
 */
static bool sample_serving(struct conduct *conduct, struct player *player, const struct sample *sample) {
  struct cell *cell = &player->cell;
  size_t answers_size;
  char *answers;
  FILE *to = open_memstream(&answers, &answers_size);
  if (to == NULL) fail(errno, "cannot hold the answers");
  int64_t limit_ms, deadline = sample_deadline(conduct, sample, &limit_ms), ns = 0;
  bool good = true;
  const struct stillness before = cell->stillness;
  for (size_t i = 0; good && i < sample->count; i++) good = ask(conduct, player, sample->cases[i], deadline, limit_ms, &ns, to);
  if (good && !cell->stopped) good = cell_stop(cell) || break_off(player, GOES_ON);
  if (fclose(to) < 0) fail(errno, "cannot hold the answers");
  if (good) {
    begin_sample(conduct, player, ns, &before);
    fprintf(conduct->samples, "%s],\"outputs\":[],\"stdout\":null}", answers);
  }
  free(answers);
  return good;
}

static bool sample_command(struct conduct *conduct, struct player *player, const struct sample *sample) {
  struct cell *cell = &player->cell;
  if (!prepare_player(player)) return false;
  int64_t said = cell->out.kept;
  int64_t limit_ms, deadline = sample_deadline(conduct, sample, &limit_ms);
  cell_start(cell);
  enum event event = cell_wait(cell, deadline, false);
  end_player(player, event, limit_ms);
  if (!ended_well(&player->ending)) return false;
  struct outputs outputs = {.files = NULL};
  if (cell->program->outputs.count > 0) cell_copy(cell, conduct->result, &conduct->outputs, &outputs);
  if (outputs.limit[0] != '\0') {
    player->ending = resource_limit("files", outputs.limit);
    return false;
  }
  begin_sample(conduct, player, cell->ended_ns - cell->began_ns, NULL);
  fprintf(conduct->samples, "],\"outputs\":[%s],\"stdout\":", outputs.files ? outputs.files : "");
  if (cell->out.kept == said) fputs("null}", conduct->samples);
  else {
    char name[24];
    snprintf(name, sizeof name, "s%u", conduct->texts++);
    struct bytes all = map_file(cell->out.file, cell->out.kept);
    write_out(conduct, (struct bytes){all.at + said, (size_t)(cell->out.kept - said)}, name);
    unmap(all);
    fprintf(conduct->samples, "\"%s\"}", name);
  }
  free(outputs.files);
  free(outputs.refused);
  free(outputs.written);
  return true;
}

/* A player that ran out of its turn, while others were measured or its answers were copied, is ended. */
static bool all_stood_still(struct conduct *conduct) {
  bool good = true;
  for (size_t i = 0; i < conduct->job->program_count; i++) {
    struct player *player = &conduct->players[i];
    if (player->cell.stopped && !cell_stood_still(&player->cell)) good = break_off(player, "it ran while it was stopped");
  }
  return good;
}

static bool play(struct conduct *conduct) {
  const struct job *job = conduct->job;
  for (size_t i = 0; i < job->program_count; i++)
    if (job->programs[i].serves && !start_serving(conduct, &conduct->players[i])) return false;
  for (size_t i = 0; i < job->sample_count; i++) {
    const struct sample *sample = &job->samples[i];
    struct player *player = &conduct->players[sample->player];
    bool good = player->cell.program->serves ? sample_serving(conduct, player, sample) : sample_command(conduct, player, sample);
    if (!good || !all_stood_still(conduct)) return false;
  }
  return true;
}

void conduct_job(const struct job *job) {
  size_t samples_size;
  char *samples;
  struct conduct conduct = {.job = job, .result = record_folder(job->result)};
  conduct.players = calloc(job->program_count, sizeof *conduct.players);
  conduct.samples = open_memstream(&samples, &samples_size);
  if (conduct.players == NULL || conduct.samples == NULL) fail(errno, "cannot hold the players");
  int64_t began = now_ns();
  conduct.deadline_ns = began + job->wall_ms * MS;
  for (size_t i = 0; i < job->program_count; i++) {
    struct player *player = &conduct.players[i];
    snprintf(player->out_name, sizeof player->out_name, "stdout%zu", i);
    snprintf(player->err_name, sizeof player->err_name, "stderr%zu", i);
    cell_open(&player->cell, job, &job->programs[i], conduct.result, player->out_name, player->err_name);
  }
  play(&conduct);
  int64_t cpu_ms = 0, peak_bytes = 0;
  for (size_t i = 0; i < job->program_count; i++) {
    struct cell *cell = &conduct.players[i].cell;
    cell_kill(cell);
    cell_close(cell);
    // In a container each cell's count is of all that ended so far; on the host of its own.
    cpu_ms = job->in_container ? cell->cpu_ms : cpu_ms + cell->cpu_ms;
    if (cell->peak_bytes > peak_bytes) peak_bytes = cell->peak_bytes;
  }
  if (fclose(conduct.samples) != 0) fail(errno, "cannot hold the samples");

  FILE *record = record_begin(job->nonce);
  fprintf(record, ",\"samples\":[%s],\"players\":[", samples);
  for (size_t i = 0; i < job->program_count; i++) {
    struct player *player = &conduct.players[i];
    fprintf(record, "%s{\"name\":\"%s\",\"ending\":", i > 0 ? "," : "", player->cell.program->name);
    write_ending_json(&player->ending, record);
    fputs(",\"error\":", record);
    if (player->error == NULL) fputs("null", record);
    else write_json(record, player->error, strlen(player->error));
    fputs(",\"stdout\":", record);
    capture_write_json(&player->cell.out, record);
    fputs(",\"stderr\":", record);
    capture_write_json(&player->cell.err, record);
    fputc('}', record);
  }
  fputc(']', record);
  record_usage(record, now_ns() - began, cpu_ms, peak_bytes);
  record_end(record, conduct.result);
}
