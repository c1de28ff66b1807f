import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { type HomeProcess, processesOf } from '../../workers/processes.ts';
import { crucible, type Said, start } from '../support/command.ts';
import { markedProcesses } from '../support/sandbox.ts';

type Part = 'up' | 'server' | 'worker';

/** Every way to kill some of the three: the command that starts them, the server, the worker. */
const combinations: Part[][] = [
  ['up'],
  ['server', 'worker'],
  ['up', 'server', 'worker'],
  ['server'],
  ['up', 'worker'],
  ['worker'],
  ['up', 'server'],
];

export interface Rounds {
  home: string;
  count: number;
  /** From 0 up to 1. */
  random: () => number;
  /** Fills the disk of `home` before a kill, and gives the room back after it. */
  fill?: () => Promise<() => Promise<void>>;
}

/**
 * Kills `crucible up`, server and worker at random moments, in all combinations, some from a state in which nothing runs; after each
 * kill the next `up` must find one server and one worker, and end. `fill` fills the disk in every third round.
 */
export async function killInRounds({ home, count, random, fill }: Rounds): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    const victims = combinations[round % combinations.length] ?? [];
    if (round % 3 === 0 && victims.includes('up')) await ended(['down'], home);
    const command = victims.includes('up') ? start(['up'], { home }) : null;
    const empty = round % 3 === 2 ? await fill?.() : undefined;
    await wait(random() * (command === null ? 300 : 6_000));
    const { servers, workers } = await processesOf(home);
    if (victims.includes('server')) kill(servers);
    if (victims.includes('worker')) kill(workers);
    command?.process.kill('SIGKILL');
    await command?.ended;
    await empty?.();
    await expectOneOfEach(home, `round ${round}, ${victims.join(', ')} killed`);
  }
}

const kill = (processes: HomeProcess[]): void => {
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
};

/** Runs `up` and looks at the system's processes: all that is of this home is one server and one worker. */
export async function expectOneOfEach(home: string, when: string): Promise<void> {
  const said = await ended(['up', '--json'], home);
  expect(said.status, `${when}: ${said.error}`).toBe(0);
  const now = JSON.parse(said.out.trim().split('\n').at(-1) ?? '');
  // A server that was on its way may still hold its lock for a moment, and what a killed worker had asked for end after it.
  const expected = [now.server.pid, now.worker.pid].map(String).sort();
  let found = await pidsOf(home);
  for (let waited = 0; waited < 100 && found.length > 2; waited += 1) {
    await wait(100);
    found = await pidsOf(home);
  }
  expect(found, when).toEqual(expected);
}

export const pidsOf = async (home: string): Promise<string[]> =>
  (await markedProcesses(`CRUCIBLE_HOME=${home}`)).map((each) => each.split(' ')[1] ?? '').sort();

/** Runs a command to its end; throws where it does not come to one. */
export async function ended(args: string[], home: string): Promise<Said> {
  const command = start(args, { home });
  const hangs = new AbortController();
  try {
    return await Promise.race([
      command.ended,
      wait(150_000, undefined, { signal: hangs.signal }).then(() => {
        command.process.kill('SIGKILL');
        throw new Error(`crucible ${args.join(' ')} has no end`);
      }),
    ]);
  } finally {
    hangs.abort();
  }
}

/** A job of one script goes all the way. */
export async function expectJobDone(home: string, folder: string): Promise<void> {
  await writeFile(join(folder, 'ok.py'), "print(open('ok.json', 'w').write('{}'))\n");
  const job = 'kind: solve\nname: a\nscript: ok.py\noutputs: [{ kind: json, path: ok.json }]\n';
  await writeFile(join(folder, 'job.yaml'), job);
  expect(await crucible(['run', 'job.yaml', '--fresh'], { home, folder })).toMatchObject({ status: 0 });
}
