#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "copier.h"
#include "fail.h"
#include "text.h"

enum { BLOCK = 1 << 16 };

static void read_exactly(int source, char *into, size_t length, int64_t deadline_ns) {
  while (length > 0) {
    int64_t left = deadline_ns - now_ns();
    struct pollfd wait = {.fd = source, .events = POLLIN};
    int ready = left <= 0 ? 0 : poll(&wait, 1, (int)(left / MS) + 1);
    if (ready == 0) fail(0, "the copier took too long");
    if (ready < 0 && errno != EINTR) fail(errno, "cannot wait for the copier");
    ssize_t got = read(source, into, length);
    if (got == 0) fail(0, "the copier ended without its last message");
    if (got < 0 && errno != EINTR) fail(errno, "cannot read from the copier");
    if (got > 0) into += got, length -= (size_t)got;
  }
}

void write_bytes(int file, const void *bytes, size_t length) {
  static const char zeros[BLOCK];
  for (const char *at = bytes; length > 0;) {
    size_t block = length < BLOCK ? length : BLOCK;
    bool empty = memcmp(at, zeros, block) == 0;
    ssize_t done = empty ? (ssize_t)block : write(file, at, block);
    if (done < 0 && errno != EINTR) fail(errno, "cannot write to the result folder");
    if (empty && lseek(file, (off_t)block, SEEK_CUR) < 0) fail(errno, "cannot write to the result folder");
    if (done > 0) at += done, length -= (size_t)done;
  }
}

void end_file(int file) {
  off_t end = lseek(file, 0, SEEK_CUR);
  if (end < 0 || ftruncate(file, end) < 0 || close(file) < 0) fail(errno, "cannot write to the result folder");
}

void receive_outputs(int source, int result, unsigned *number, int64_t deadline_ns, struct outputs *outputs) {
  static char bytes[COPIED_MOST_BYTES + 1];
  size_t files_size, refused_size, written_size;
  *outputs = (struct outputs){0};
  FILE *files = open_memstream(&outputs->files, &files_size);
  FILE *refused = open_memstream(&outputs->refused, &refused_size);
  FILE *written = open_memstream(&outputs->written, &written_size);
  if (files == NULL || refused == NULL || written == NULL) fail(errno, "cannot hold the list of outputs");
  int file = -1;
  for (bool done = false; !done;) {
    struct copied header;
    read_exactly(source, (char *)&header, sizeof header, deadline_ns);
    if (header.length > COPIED_MOST_BYTES) fail(0, "a message of the copier is too long");
    read_exactly(source, bytes, header.length, deadline_ns);
    bytes[header.length] = '\0';
    bool in_file = file >= 0;
    bool begins = header.kind == COPIED_NAME || header.kind == COPIED_PLACED;
    if (begins && !in_file && is_clean_text(bytes) && strlen(bytes) == header.length) {
      char name[24];
      snprintf(name, sizeof name, "o%u", (*number)++);
      file = openat(result, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
      if (file < 0) fail(errno, "cannot make an output in the result folder");
      fputs(ftell(files) > 0 ? ",{\"path\":" : "{\"path\":", files);
      write_json(files, bytes, header.length);
      fprintf(files, ",\"file\":\"%s\",\"placed\":%s}", name, header.kind == COPIED_PLACED ? "true" : "false");
    } else if (header.kind == COPIED_BYTES && in_file) write_bytes(file, bytes, header.length);
    else if (header.kind == COPIED_END && in_file) {
      end_file(file);
      file = -1;
    }
    else if (header.kind == COPIED_REFUSED && !in_file) {
      fputs(ftell(refused) > 0 ? ",{\"path\":" : "{\"path\":", refused);
      write_json(refused, bytes, header.length);
    } else if (header.kind == COPIED_WHY && !in_file) {
      fputs(",\"why\":", refused);
      write_json(refused, bytes, header.length);
      fputc('}', refused);
    } else if (header.kind == COPIED_WRITTEN && !in_file) {
      char *path;
      long long size = strtoll(bytes, &path, 10);
      if (*path != ' ') fail(0, "the copier named a file without its size");
      fprintf(written, "%s{\"bytes\":%lld,\"path\":", ftell(written) > 0 ? "," : "", size);
      write_json(written, path + 1, strlen(path + 1));
      fputc('}', written);
    } else if (header.kind == COPIED_LIMIT && !in_file)
      snprintf(outputs->limit, sizeof outputs->limit, "%.100s", bytes);
    else if (header.kind == COPIED_DONE && !in_file) done = true;
    else fail(0, "the copier sent an unexpected message (%u)", header.kind);
  }
  if (fclose(files) != 0 || fclose(refused) != 0 || fclose(written) != 0) fail(errno, "cannot hold the list of outputs");
  // Part of the outputs could pass for all of them.
  if (outputs->limit[0] != '\0') outputs->files[0] = '\0';
}
