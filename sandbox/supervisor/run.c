#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "record.h"

/* How often it is looked whether a request still stands. */
enum { WITHDRAWN_MS = 50 };

void write_run_json(FILE *record, const struct cell *cell, const struct ending *ending, const struct outputs *outputs) {
  fputs(",\"ending\":", record);
  write_ending_json(ending, record);
  fputs(",\"stdout\":", record);
  capture_write_json(&cell->out, record);
  fputs(",\"stderr\":", record);
  capture_write_json(&cell->err, record);
  const char *files = outputs && outputs->files ? outputs->files : "", *refused = outputs && outputs->refused ? outputs->refused : "";
  fprintf(record, ",\"outputs\":[%s],\"refused\":[%s]", files, refused);
  fprintf(record, ",\"written\":[%s]", outputs && outputs->written ? outputs->written : "");
}

/* As `cell_wait`; where there is a request, until it is withdrawn, too. */
static enum event wait_for_end(struct cell *cell, int64_t deadline_ns, const char *request, bool *withdrawn) {
  if (request == NULL) return cell_wait(cell, deadline_ns, false);
  for (;;) {
    int64_t look_ns = now_ns() + WITHDRAWN_MS * MS;
    enum event event = cell_wait(cell, look_ns < deadline_ns ? look_ns : deadline_ns, false);
    if (event != DEADLINE_PASSED || now_ns() >= deadline_ns) return event;
    if ((*withdrawn = access(request, F_OK) < 0)) return event;
  }
}

static void run_cell(struct cell *cell, const struct job *job, int result, const char *request) {
  struct outputs outputs = {.files = NULL};
  struct ending ending;
  unsigned number = 0;
  int64_t wall_ns = 0;
  bool withdrawn = false;

  int unplaced = cell_prepare(cell);
  if (unplaced != 0) {
    char detail[120];
    snprintf(detail, sizeof detail, "its workspace cannot be laid out: %s", strerror(unplaced));
    ending = resource_limit("files", detail);
    if (request != NULL) cell_kill(cell);
  } else {
    int64_t began = now_ns();
    cell_start(cell);
    enum event event = wait_for_end(cell, began + job->wall_ms * MS, request, &withdrawn);
    wall_ns = event == ENDED ? cell->ended_ns - cell->began_ns : now_ns() - began;
    cell_kill(cell);
    ending = ending_of(cell, event, job->wall_ms);
    if (cell->program->outputs.count > 0 && !withdrawn) cell_copy(cell, result, &number, &outputs);
    if (outputs.limit[0] != '\0') ending = resource_limit("files", outputs.limit);
  }
  cell_close(cell);
  if (!withdrawn) {
    FILE *record = record_begin(job->nonce);
    write_run_json(record, cell, &ending, &outputs);
    record_usage(record, wall_ns, cell->cpu_ms, cell->peak_bytes);
    record_end(record, result);
  }
  free(outputs.files);
  free(outputs.refused);
  free(outputs.written);
}

void run_job(const struct job *job) {
  int result = record_folder(job->result);
  struct cell cell;
  cell_open(&cell, job, &job->programs[0], result, "stdout", "stderr");
  run_cell(&cell, job, result, NULL);
}

void run_in(struct cell *zygote, const struct job *job, const char *request) {
  int result = record_folder(job->result);
  struct cell cell;
  cell_open_in(&cell, zygote, job, &job->programs[0], result, "stdout", "stderr");
  run_cell(&cell, job, result, request);
  close(result);
}
