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
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"
#include "cgroup.h"
#include "clock.h"
#include "ending.h"
#include "fail.h"
#include "record.h"
#include "text.h"

enum {
  ANSWER_HEADER = 64,         /* bytes before an answer's frame; the first 8 are its length */
  MOST_ERROR_BYTES = 1 << 16, /* of what a player says went wrong */
  SETTLE_NS = 200000,         /* a continued player is back in its wait for the next request by then */
  HANG_UP_NS = 1000000000,    /* who closes the exchange may take that long to end */
  COPY_BYTES = 1 << 16,
  PROMPT_NS = 2000000,        /* a player that stands still within this time of its answer stopped at once */
};

struct player {
  struct cell cell;
  struct ending ending; /* exited 0 until it fails */
  char *error;          /* what it, or the conductor, says went wrong; NULL: nothing */
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

/* The earlier of the whole's deadline and `sample_ms` from now; `*limit_ms` is the limit it stands for. */
static int64_t sample_deadline(const struct conduct *conduct, int64_t *limit_ms) {
  int64_t deadline = now_ns() + conduct->job->sample_ms * MS;
  bool whole = conduct->deadline_ns < deadline;
  *limit_ms = whole ? conduct->job->wall_ms : conduct->job->sample_ms;
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

/* Receives the byte that `event` told of, one of `wanted`. Otherwise ends the player, with what came instead as its error. */
static bool receive_byte(struct player *player, enum event event, int64_t limit_ms, const char *wanted, char *byte) {
  struct cell *cell = &player->cell;
  if (event == HUNG_UP) {
    // Most likely by ending: then how it ended says more.
    event = cell_wait(cell, now_ns() + HANG_UP_NS, false);
    if (event == DEADLINE_PASSED) return break_off(player, "it closed the exchange without an answer");
  }
  if (event != ANSWERED) {
    end_player(player, event, limit_ms);
    if (ended_well(&player->ending)) say_error(player, "it ended before it had answered");
    return false;
  }
  char bytes[2], why[100];
  ssize_t got = recv(cell->exchange, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno != ECONNRESET) fail(errno, "cannot hear program %s", cell->program->name);
  if (got == 1 && bytes[0] != '\0' && strchr(wanted, bytes[0]) != NULL) {
    *byte = bytes[0];
    return true;
  }
  if (got > 0) snprintf(why, sizeof why, "expected one byte of '%s', got a message that begins with 0x%02x", wanted, (unsigned char)bytes[0]);
  else snprintf(why, sizeof why, "expected one byte of '%s', got an empty message", wanted);
  return break_off(player, why);
}

/* Starts a serving player, waits until it is ready to be asked, and stops it. */
static bool start_serving(struct conduct *conduct, struct player *player) {
  char byte;
  if (!prepare_player(player)) return false;
  cell_start(&player->cell);
  enum event event = cell_wait(&player->cell, conduct->deadline_ns, true);
  if (!receive_byte(player, event, conduct->job->wall_ms, "R", &byte)) return false;
  return cell_stop(&player->cell) || break_off(player, "it did not stand still after it was ready");
}

struct span {
  uint64_t offset, length;
};

static int make_memory(const char *name, int64_t size) {
  int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0 || ftruncate(file, size) < 0) fail(errno, "cannot make %lld bytes of memory for %s", (long long)size, name);
  return file;
}

/* Players may write to it, but not change its size under the conductor. */
static void seal(int file) {
  if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) fail(errno, "cannot seal memory");
}

static int open_case(const struct job *job, size_t number) {
  int file = open(job->cases.at[number], O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(errno, "cannot open %s", job->cases.at[number]);
  return file;
}

/* Puts the sample's cases behind each other into one memory, where `spans` says. */
static int make_inputs(const struct job *job, const struct sample *sample, struct span *spans) {
  uint64_t size = 0;
  for (size_t i = 0; i < sample->count; i++) {
    struct stat found;
    if (stat(job->cases.at[sample->cases[i]], &found) < 0) fail(errno, "cannot look at %s", job->cases.at[sample->cases[i]]);
    spans[i] = (struct span){size, (uint64_t)found.st_size};
    size += ((uint64_t)found.st_size + 63) / 64 * 64;
  }
  int inputs = make_memory("inputs", size > 0 ? (int64_t)size : 64);
  for (size_t i = 0; i < sample->count; i++) {
    int file = open_case(job, sample->cases[i]);
    if (lseek(inputs, (off_t)spans[i].offset, SEEK_SET) < 0) fail(errno, "cannot place a case");
    for (uint64_t left = spans[i].length; left > 0;) {
      ssize_t done = sendfile(inputs, file, NULL, left);
      if (done <= 0) fail(done < 0 ? errno : 0, "case %zu ended early", sample->cases[i]);
      left -= (uint64_t)done;
    }
    close(file);
  }
  seal(inputs);
  return inputs;
}

/* The "go": what to answer, and the two memories. */
static void send_request(int exchange, const struct span *spans, size_t count, int64_t answer_bytes, int inputs, int answers) {
  struct {
    uint32_t count, zero;
    uint64_t answer_bytes;
  } head = {(uint32_t)count, 0, (uint64_t)answer_bytes};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)spans, count * sizeof *spans}};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))};
  memcpy(CMSG_DATA(rights), (int[]){inputs, answers}, 2 * sizeof(int));
  // A player that has gone is no failure: the wait for its answer says how it went.
  if (sendmsg(exchange, &message, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) fail(errno, "cannot ask a player");
}

static void read_at(int file, void *into, size_t length, uint64_t offset) {
  for (char *at = into; length > 0;) {
    ssize_t got = pread(file, at, length, (off_t)offset);
    if (got <= 0) fail(got < 0 ? errno : 0, "cannot read back a player's memory");
    at += got, offset += (uint64_t)got, length -= (size_t)got;
  }
}

/* Copies a range into a new result file. */
static void write_out(struct conduct *conduct, int from, uint64_t offset, uint64_t length, const char *name) {
  static char buffer[COPY_BYTES];
  int file = openat(conduct->result, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) fail(errno, "cannot make %s in the result folder", name);
  while (length > 0) {
    size_t part = length < sizeof buffer ? length : sizeof buffer;
    read_at(from, buffer, part, offset);
    for (size_t put = 0; put < part;) {
      ssize_t done = write(file, buffer + put, part - put);
      if (done < 0 && errno != EINTR) fail(errno, "cannot write to the result folder");
      if (done > 0) put += (size_t)done;
    }
    offset += part, length -= part;
  }
  close(file);
}

static bool same_bytes(int a, uint64_t a_offset, int b, uint64_t b_offset, uint64_t length) {
  static char first[COPY_BYTES], second[COPY_BYTES];
  while (length > 0) {
    size_t part = length < sizeof first ? length : sizeof first;
    read_at(a, first, part, a_offset);
    read_at(b, second, part, b_offset);
    if (memcmp(first, second, part) != 0) return false;
    a_offset += part, b_offset += part, length -= part;
  }
  return true;
}

/* FNV-1a over 8 bytes at a time: good enough to look up what is then compared. */
static uint64_t hash_range(int file, uint64_t offset, uint64_t length) {
  static uint64_t words[COPY_BYTES / 8];
  uint64_t hash = 14695981039346656037ULL;
  while (length > 0) {
    size_t part = length < sizeof words ? length : sizeof words;
    words[(part - 1) / 8] = 0;
    read_at(file, words, part, offset);
    for (size_t i = 0; i < (part + 7) / 8; i++) hash = (hash ^ words[i]) * 1099511628211ULL;
    offset += part, length -= part;
  }
  return hash;
}

/* Writes an answer to a result file, unless one with the same bytes is there. Returns its number. */
static unsigned keep_answer(struct conduct *conduct, int answers, uint64_t offset, uint64_t length) {
  char name[24];
  uint64_t hash = hash_range(answers, offset, length);
  for (size_t i = 0; i < conduct->kept_count; i++) {
    const struct kept *kept = &conduct->kept[i];
    if (kept->hash != hash || kept->size != (int64_t)length) continue;
    snprintf(name, sizeof name, "a%u", kept->number);
    int file = openat(conduct->result, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) fail(errno, "cannot open %s in the result folder", name);
    bool same = same_bytes(answers, offset, file, 0, length);
    close(file);
    if (same) return kept->number;
  }
  snprintf(name, sizeof name, "a%u", conduct->answers);
  write_out(conduct, answers, offset, length, name);
  conduct->kept = realloc(conduct->kept, (conduct->kept_count + 1) * sizeof *conduct->kept);
  if (conduct->kept == NULL) fail(ENOMEM, "cannot hold the list of answers");
  conduct->kept[conduct->kept_count++] = (struct kept){hash, (int64_t)length, conduct->answers};
  return conduct->answers++;
}

static void begin_sample(struct conduct *conduct, const struct player *player, int64_t ns) {
  if (ftell(conduct->samples) > 0) fputc(',', conduct->samples);
  fprintf(conduct->samples, "{\"player\":\"%s\",\"ns\":%lld,\"answers\":[", player->cell.program->name, (long long)ns);
}

/* Writes out the answers of a stopped player, and inputs it changed. False where an answer cannot be. */
static bool keep_answers(struct conduct *conduct, struct player *player, const struct sample *sample, const struct span *spans,
                         int inputs, int answers, int64_t ns) {
  const struct job *job = conduct->job;
  uint64_t room = (uint64_t)job->answer_bytes;
  for (size_t i = 0; i < sample->count; i++) {
    uint64_t length;
    read_at(answers, &length, sizeof length, i * room);
    if (length > room - ANSWER_HEADER) return break_off(player, "its answer is larger than an answer may be");
  }
  begin_sample(conduct, player, ns);
  for (size_t i = 0; i < sample->count; i++) {
    uint64_t length;
    read_at(answers, &length, sizeof length, i * room);
    fprintf(conduct->samples, "%s{\"output\":\"a%u\",\"mutatedInput\":", i > 0 ? "," : "",
            keep_answer(conduct, answers, i * room + ANSWER_HEADER, length));
    int original = open_case(job, sample->cases[i]);
    if (same_bytes(inputs, spans[i].offset, original, 0, spans[i].length)) fputs("null}", conduct->samples);
    else {
      char name[24];
      snprintf(name, sizeof name, "m%u", conduct->mutations++);
      write_out(conduct, inputs, spans[i].offset, spans[i].length, name);
      fprintf(conduct->samples, "\"%s\"}", name);
    }
    close(original);
  }
  fputs("],\"outputs\":[],\"stdout\":null}", conduct->samples);
  return true;
}

static void keep_error(struct player *player, int answers, int64_t room) {
  uint64_t length;
  read_at(answers, &length, sizeof length, 0);
  uint64_t most = (uint64_t)room - ANSWER_HEADER;
  if (most > MOST_ERROR_BYTES) most = MOST_ERROR_BYTES;
  if (length > most) length = most;
  free(player->error);
  player->error = calloc(length + 1, 1);
  if (player->error == NULL) fail(ENOMEM, "cannot hold an error");
  read_at(answers, player->error, length, ANSWER_HEADER);
}

static bool sample_serving(struct conduct *conduct, struct player *player, const struct sample *sample) {
  const struct job *job = conduct->job;
  struct cell *cell = &player->cell;
  struct span *spans = calloc(sample->count + 1, sizeof *spans);
  if (spans == NULL) fail(ENOMEM, "cannot hold a request");
  int inputs = make_inputs(job, sample, spans);
  int answers = make_memory("answers", job->answer_bytes * (int64_t)(sample->count > 0 ? sample->count : 1));
  seal(answers);

  cell_resume(cell);
  pause_ns(SETTLE_NS);
  int64_t limit_ms, deadline = sample_deadline(conduct, &limit_ms);
  char byte = 0;
  bool good;
  if (recv(cell->exchange, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
    good = break_off(player, "it answered before it was asked");
  else {
    int64_t asked_ns = raw_ns();
    send_request(cell->exchange, spans, sample->count, job->answer_bytes, inputs, answers);
    enum event event = cell_wait(cell, deadline, true);
    int64_t ns = cell->answered_ns - asked_ns;
    bool still = event != ANSWERED || cell_stop(cell);
    // What goes on after the answer is part of the answering.
    if (event == ANSWERED && cell->stopped_ns - cell->answered_ns > PROMPT_NS) ns = cell->stopped_ns - asked_ns;
    good = receive_byte(player, event, limit_ms, "DE", &byte);
    if (good && !still) good = break_off(player, "it went on after it had answered");
    int unread = 0;
    if (good && ioctl(cell->exchange, SIOCOUTQ, &unread) == 0 && unread > 0)
      good = break_off(player, "it answered before it had read what was asked");
    if (good && byte == 'E') {
      keep_error(player, answers, job->answer_bytes);
      cell_kill(cell);
      player->ending = (struct ending){.kind = EXITED, .code = 1};
      good = false;
    } else if (good) good = keep_answers(conduct, player, sample, spans, inputs, answers, ns);
  }
  close(inputs);
  close(answers);
  free(spans);
  return good;
}

static bool sample_command(struct conduct *conduct, struct player *player) {
  struct cell *cell = &player->cell;
  if (!prepare_player(player)) return false;
  int64_t said = cell->out.kept;
  int64_t limit_ms, deadline = sample_deadline(conduct, &limit_ms);
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
  begin_sample(conduct, player, cell->ended_ns - cell->began_ns);
  fprintf(conduct->samples, "],\"outputs\":[%s],\"stdout\":", outputs.files ? outputs.files : "");
  if (cell->out.kept == said) fputs("null}", conduct->samples);
  else {
    char name[24];
    snprintf(name, sizeof name, "s%u", conduct->texts++);
    write_out(conduct, cell->out.file, (uint64_t)said, (uint64_t)(cell->out.kept - said), name);
    fprintf(conduct->samples, "\"%s\"}", name);
  }
  free(outputs.files);
  free(outputs.refused);
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
    bool good = player->cell.program->serves ? sample_serving(conduct, player, sample) : sample_command(conduct, player);
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
  fclose(conduct.samples);

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
