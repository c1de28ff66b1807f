#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fail.h"

void capture_open(struct capture *capture, int result, const char *name) {
  *capture = (struct capture){.pipe = -1, .name = name};
  capture->file = openat(result, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (capture->file < 0) fail(errno, "cannot make %s in the result folder", name);
}

int capture_pipe(struct capture *capture) {
  int ends[2];
  capture_close(capture);
  if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) fail(errno, "cannot make a pipe");
  capture->pipe = ends[0];
  return ends[1];
}

void capture_read(struct capture *capture, int64_t *left) {
  static char buffer[1 << 16];
  while (capture->pipe >= 0) {
    ssize_t got = read(capture->pipe, buffer, sizeof buffer);
    if (got == 0) return capture_close(capture);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail(errno, "cannot read a program's output");
      return;
    }
    int64_t keep = got < *left ? got : *left;
    for (int64_t put = 0; put < keep;) {
      ssize_t done = write(capture->file, buffer + put, (size_t)(keep - put));
      if (done < 0 && errno != EINTR) fail(errno, "cannot keep a program's output");
      if (done > 0) put += done;
    }
    capture->seen += got;
    capture->kept += keep;
    *left -= got;
    if (*left < 0) return;
  }
}

void capture_close(struct capture *capture) {
  if (capture->pipe >= 0) close(capture->pipe);
  capture->pipe = -1;
}

void capture_end(struct capture *capture) {
  capture_close(capture);
  if (capture->file >= 0) close(capture->file);
  capture->file = -1;
}

void capture_write_json(const struct capture *capture, FILE *to) {
  fprintf(to, "{\"file\":\"%s\",\"bytes\":%lld,\"truncated\":%s}", capture->name, (long long)capture->seen,
          capture->seen > capture->kept ? "true" : "false");
}
