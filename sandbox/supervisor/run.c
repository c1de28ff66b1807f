#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"
#include "clock.h"
#include "ending.h"
#include "record.h"

void run_job(const struct job *job) {
  int result = record_folder(job->result);
  struct cell cell;
  struct outputs outputs = {.files = NULL};
  struct ending ending;
  unsigned number = 0;
  int64_t wall_ns = 0;

  cell_open(&cell, job, &job->programs[0], result, "stdout", "stderr");
  int unplaced = cell_prepare(&cell);
  if (unplaced != 0) {
    char detail[120];
    snprintf(detail, sizeof detail, "its workspace cannot be laid out: %s", strerror(unplaced));
    ending = resource_limit("files", detail);
  } else {
    int64_t began = now_ns();
    cell_start(&cell);
    enum event event = cell_wait(&cell, began + job->wall_ms * MS, false);
    wall_ns = event == ENDED ? cell.ended_ns - cell.began_ns : now_ns() - began;
    cell_kill(&cell);
    ending = ending_of(&cell, event, job->wall_ms);
    if (cell.program->outputs.count > 0) cell_copy(&cell, result, &number, &outputs);
    if (outputs.limit[0] != '\0') ending = resource_limit("files", outputs.limit);
  }
  cell_close(&cell);

  FILE *record = record_begin(job->nonce);
  fputs(",\"ending\":", record);
  write_ending_json(&ending, record);
  fputs(",\"stdout\":", record);
  capture_write_json(&cell.out, record);
  fputs(",\"stderr\":", record);
  capture_write_json(&cell.err, record);
  fprintf(record, ",\"outputs\":[%s],\"refused\":[%s]", outputs.files ? outputs.files : "", outputs.refused ? outputs.refused : "");
  fprintf(record, ",\"written\":[%s]", outputs.written ? outputs.written : "");
  record_usage(record, wall_ns, cell.cpu_ms, cell.peak_bytes);
  record_end(record, result);
}
