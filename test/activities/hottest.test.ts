import { expect, it } from 'vitest';
import { hottestIn } from '../../activities/diagnose/hottest.ts';

const dump = (...stacks: string[][]): string =>
  [
    'Timeout (0:00:00.020000)!',
    ...stacks.flatMap((frames, at) => [`Thread 0x0${at} (most recent call first):`, ...frames]),
  ].join('\n');
const at = (line: number, within = 'inner', path = '/work/main.py'): string =>
  `  File "${path}", line ${line} in ${within}`;
const library = '  File "/opt/crucible/python/lib/python3.11/site-packages/numpy/linalg.py", line 9 in solve';
const joining = '  File "/usr/lib/python3.11/threading.py", line 9 in join';
const times = (count: number, text: string): string[] => Array.from({ length: count }, () => text);

it('the line where most samples stand is told, whatever it calls of others', () => {
  const written = [...times(30, dump([library, at(4), at(9, '<module>')])), ...times(10, dump([at(5)]))].join(
    '\n',
  );
  // The last sample may have been cut.
  expect(hottestIn(written, 3000)).toEqual({
    path: 'main.py',
    line: 4,
    within: 'inner',
    share: 30 / 39,
    ms: 3000,
  });
});

it('threads that wait are left out where others work; the main one counts where none does', () => {
  const working = times(40, dump([at(7, 'work')], [joining, at(12, '<module>')])).join('\n');
  expect(hottestIn(working, 1000)).toMatchObject({ line: 7 });
  const waiting = times(40, dump([joining, at(12, '<module>')])).join('\n');
  expect(hottestIn(waiting, 1000)).toMatchObject({ line: 12, within: '<module>' });
});

it('few samples, or none in files of the program, say nothing', () => {
  expect(hottestIn(times(10, dump([at(4)])).join('\n'), 1000)).toBeNull();
  expect(hottestIn(times(40, dump([library])).join('\n'), 1000)).toBeNull();
  expect(hottestIn('whatever a program wrote there', 1000)).toBeNull();
});
