#include "zygote.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "fail.h"
#include "launch.h"

enum { PATIENCE_MS = 30000, MOST_FDS = 8, MOST_REPLY = MOST_FAILURE_BYTES };

/* A message that grows: NUL-terminated strings, a key and its value in turn. */
struct message {
  FILE *text;
  int fds[MOST_FDS];
  size_t fd_count;
};

static void put(struct message *message, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void put(struct message *message, const char *key, const char *format, ...) {
  va_list values;
  va_start(values, format);
  fprintf(message->text, "%s%c", key, 0);
  vfprintf(message->text, format, values);
  fputc(0, message->text);
  va_end(values);
}

/* Descriptors are known by the order of their keys. */
static void put_file(struct message *message, const char *key, int file) {
  if (file < 0) return;
  put(message, "file", "%s", key);
  message->fds[message->fd_count++] = file;
}

static void send_message(int exchange, const struct message *message, char *text, size_t size) {
  union {
    char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
    struct cmsghdr aligned;
  } control = {0};
  struct iovec part = {text, size};
  struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(message->fd_count * sizeof(int))};
  struct cmsghdr *files = CMSG_FIRSTHDR(&head);
  files->cmsg_level = SOL_SOCKET;
  files->cmsg_type = SCM_RIGHTS;
  files->cmsg_len = CMSG_LEN(message->fd_count * sizeof(int));
  memcpy(CMSG_DATA(files), message->fds, message->fd_count * sizeof(int));
  // Where it is gone, its reply does not come either.
  if (sendmsg(exchange, &head, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) fail(errno, "cannot ask the zygote");
}

/* Waits for the words of the zygote ('D': it let go of the fork) and of the fork ('S' and its number: it starts). */
static pid_t hear_replies(int exchange) {
  pid_t pid = 0;
  bool let_go = false;
  for (int64_t give_up = now_ns() + PATIENCE_MS * MS; pid == 0 || !let_go;) {
    int64_t left = give_up - now_ns();
    struct pollfd wait = {.fd = exchange, .events = POLLIN};
    int ready = left <= 0 ? 0 : poll(&wait, 1, (int)(left / MS) + 1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) fail(errno, "cannot wait for the zygote");
    char reply[MOST_REPLY + 1];
    ssize_t got = ready == 0 ? 0 : recv(exchange, reply, MOST_REPLY, 0);
    if (got <= 0) return 0;
    reply[got] = '\0';
    if (reply[0] == 'D') let_go = true;
    else if (reply[0] == 'S') pid = (pid_t)atoi(reply + 1);
    else fail(0, "the zygote could not start a program: %s", reply + 1);
  }
  return pid;
}

pid_t fork_zygote(int exchange, const struct fork_request *request) {
  char *text;
  size_t size;
  struct message message = {.text = open_memstream(&text, &size)};
  if (message.text == NULL) fail(errno, "cannot hold a request to the zygote");
  const struct program *program = request->program;
  if (request->user != SAME_USER) put(&message, "user", "%u", request->user);
  put(&message, "cwd", "%s", program->cwd);
  put(&message, "cpuSeconds", "%lld", (long long)(request->cpu_ms / 1000 + 2));
  put(&message, "fileBytes", "%lld", (long long)request->file_bytes);
  put(&message, "tasks", "%lld", (long long)request->most_tasks);
  for (size_t i = 0; i < program->arguments.count; i++) put(&message, "arg", "%s", program->arguments.at[i]);
  for (size_t i = 0; i < program->environment.count; i++) put(&message, "env", "%s", program->environment.at[i]);
  put_file(&message, "out", request->out);
  put_file(&message, "err", request->err);
  put_file(&message, "seccomp", request->seccomp);
  put_file(&message, "pid", request->namespaces.pid);
  put_file(&message, "mount", request->namespaces.mount);
  put_file(&message, "ipc", request->namespaces.ipc);
  put_file(&message, "net", request->namespaces.net);
  if (fclose(message.text) != 0) fail(errno, "cannot hold a request to the zygote");
  send_message(exchange, &message, text, size);
  free(text);
  return hear_replies(exchange);
}
