/* The number of the call that fails, after a mark by which the test finds it in the binary. -1: none; -2: all are listed instead. */
static struct {
  char mark[16];
  volatile int number;
} chosen = {"which-call-fails", -1};

extern const struct fault_place *const __start_faults[], *const __stop_faults[];

bool fault_at(const struct fault_place *const *place) {
  if (place - __start_faults != chosen.number) return false;
  errno = EIO;
  return true;
}

__attribute__((constructor)) static void list(void) {
  if (chosen.number != -2) return;
  for (const struct fault_place *const *place = __start_faults; place < __stop_faults; place++)
    printf("%s:%d %s\n", (*place)->file, (*place)->line, (*place)->call);
  fflush(stdout);
  _exit(0);
}
