"""Runs a command on a pseudo-terminal of 100 × 40, types into it, and prints as JSON what it showed and its exit status.

    on-terminal.py STEPS COMMAND…

STEPS is JSON: `[[awaited, typed], …]`; each is typed once what was awaited is on the screen, behind what was awaited before.
"""

import json
import os
import pty
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
shown, seen, ends = b'', 0, time.monotonic() + 240
while time.monotonic() < ends:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    while steps and (at := shown.find(steps[0][0].encode(), seen)) >= 0:
        seen = at + len(steps[0][0])
        os.write(terminal, steps.pop(0)[1].encode())
else:
    os.kill(pid, 9)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({'shown': shown.decode('utf-8', 'replace'), 'status': status, 'left': [step[0] for step in steps]}))
