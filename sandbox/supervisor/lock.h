#pragma once

/*
 * Takes the measuring lock on the file `path`: "shared" or "exclusive". Waits. It is held until this process ends.
 * Who waits for it exclusively is served before those who come later.
 */
void take_lock(const char *path, const char *mode);

/* lock FILE MODE: takes it, says "locked" on standard output, and holds it until standard input ends. */
_Noreturn void lock_main(int argc, char **argv);
