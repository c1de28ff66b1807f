#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "fail.h"
#include "text.h"

static char *bytes;
static size_t size;

int record_folder(const char *path) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail(errno, "cannot open the result folder %s", path);
  if (faccessat(folder, "record.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0) fail(0, "%s has a record already", path);
  return folder;
}

FILE *record_begin(const char *nonce) {
  FILE *record = open_memstream(&bytes, &size);
  if (record == NULL) fail(errno, "cannot hold the record");
  fputs("{\"nonce\":", record);
  write_json(record, nonce, strlen(nonce));
  return record;
}

void record_usage(FILE *record, int64_t wall_ns, int64_t cpu_ms, int64_t peak_bytes) {
  // What the kernel counted for the group, nobody gets around.
  int64_t counted_ms = cgroup_cpu_ms();
  if (counted_ms >= 0) cpu_ms = counted_ms;
  fprintf(record, ",\"usage\":{\"wallMs\":%.3f,\"cpuMs\":%lld,\"peakMemoryMb\":%.3f}", (double)wall_ns / 1e6, (long long)cpu_ms,
          (double)peak_bytes / (1 << 20));
}

void record_end(FILE *record, int folder) {
  fputs("}\n", record);
  if (fclose(record) != 0) fail(errno, "cannot hold the record");
  int file = openat(folder, "record.part", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) fail(errno, "cannot make the record");
  for (size_t put = 0; put < size;) {
    ssize_t done = write(file, bytes + put, size - put);
    if (done < 0 && errno != EINTR) fail(errno, "cannot write the record");
    if (done > 0) put += (size_t)done;
  }
  free(bytes);
  bytes = NULL;
  if (fsync(file) < 0 || close(file) < 0 || renameat(folder, "record.part", folder, "record.json") < 0 || fsync(folder) < 0)
    fail(errno, "cannot finish the record");
}
