import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crucible, start } from '../support/command.ts';

/** An explicit step of the heat equation, written as it stands in a textbook. */
const program = `import numpy as np


def diffuse(plate, steps, rate):
    for _ in range(steps):
        after = plate.copy()
        rows, columns = plate.shape
        for row in range(1, rows - 1):
            for column in range(1, columns - 1):
                around = plate[row - 1, column] + plate[row + 1, column] + plate[row, column - 1] + plate[row, column + 1]
                after[row, column] = plate[row, column] + rate * (around - 4.0 * plate[row, column])
        plate = after
    return plate
`;
const cases = `import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    return 20.0 + 80.0 * random.random((64, 64)), 8, 0.2
`;

/** What somebody new waits for, by what the line says that ends the wait, and how long it may take on a quiet machine. */
const steps = [
  { name: 'first_line_s', what: 'first line', line: /./, atMost: 1 },
  {
    name: 'strategies_s',
    what: 'strategies, and why not the others',
    line: /^\d.*(not used|strategies that apply)/,
    atMost: 3,
  },
  { name: 'first_candidate_s', what: 'first candidate', line: /^\d.* c-1 /, atMost: 30 },
  { name: 'end_s', what: 'where the program is', line: /^Program +\S/, atMost: null },
] as const;

/** The path of somebody new: a server that is up, then `optimize` on a function of their own, timed line by line. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-newcomer-'));
  const home = join(folder, 'home');
  try {
    await mkdir(join(folder, 'mine'));
    await writeFile(join(folder, 'mine', 'plate.py'), program);
    await writeFile(join(folder, 'mine', 'cases.py'), cases);
    const up = await crucible(['up'], { home });
    if (up.status !== 0) throw new Error(`expected a server and a worker, got ${up.out}${up.error}`);
    const lines = await timedLines(folder, home);
    console.log(lines.map(({ seconds, text }) => `${seconds.toFixed(1).padStart(6)} s  ${text}`).join('\n'));
    const found = steps.map(({ line, ...step }) => ({
      ...step,
      seconds:
        lines.filter(({ text }) => line.test(text)).at(step.name === 'strategies_s' ? -1 : 0)?.seconds ??
        null,
    }));
    console.log('');
    for (const { what, seconds, atMost } of found)
      console.log(
        `${what.padEnd(36)} ${seconds === null ? 'never' : `${seconds.toFixed(1)} s`}${atMost === null ? '' : `, expected at most ${atMost} s`}`,
      );
    const rounded = found.map(({ name, seconds }) => [
      name,
      seconds === null ? null : Math.round(seconds * 100) / 100,
    ]);
    console.log(JSON.stringify({ name: 'newcomer', ...Object.fromEntries(rounded) }));
  } finally {
    await crucible(['down'], { home });
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every line that the command says, with the seconds since it was typed. */
async function timedLines(folder: string, home: string): Promise<{ seconds: number; text: string }[]> {
  const began = performance.now();
  const running = start(['optimize', 'mine/plate.py:diffuse', '--cases', 'mine/cases.py', '--trials', '3'], {
    home,
    folder,
    env: { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
  });
  const lines: { seconds: number; text: string }[] = [];
  let rest = '';
  running.process.stdout?.on('data', (text: string) => {
    const seconds = (performance.now() - began) / 1000;
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((part) => ({ seconds, text: part })));
  });
  const said = await running.ended;
  if (said.status !== 0) throw new Error(`expected something faster, got ${said.out}${said.error}`);
  return lines;
}
