import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exportJob } from '../../cli/keep/export.ts';
import { recorded } from '../cli/kept-jobs.ts';
import { plainVenv } from '../cli/plain-venv.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { endOf, patienceMs, randomOf, started } from './fit-jobs.ts';

const run = promisify(execFile);

/** What the service says: rows, or why not. */
const Answer = z.union([z.array(z.record(z.string(), z.unknown())), z.object({ detail: z.looseObject({}) })]);

let crucible: TestCrucible;
let folder: string;
let venv: string;

/** Flats with a column of each kind, some values missing. */
function flats(rows: number): string {
  const random = randomOf(11);
  const lines = Array.from({ length: rows }, () => {
    const [rooms, district, lift] = [1 + Math.floor(random() * 6), Math.floor(random() * 4), random() < 0.5];
    const day = new Date(Date.UTC(2020, 0, 1 + Math.floor(random() * 900))).toISOString().slice(0, 10);
    const sold = random() < 1 / (1 + Math.exp(3.5 - rooms - (district === 2 ? 1.5 : 0)));
    const size = random() < 0.05 ? '' : (rooms * 20 + random() * 9).toFixed(1);
    return [
      rooms,
      size,
      ['north', 'south', 'old town', 'east'][district],
      lift ? 'yes' : 'no',
      day,
      sold ? 'yes' : 'no',
    ];
  });
  return [['rooms', 'size', 'district', 'lift', 'listed', 'sold'], ...lines]
    .map((each) => each.join(','))
    .join('\n');
}

beforeAll(async () => {
  crucible = await startCrucible({});
  await crucible.startWorker();
  const id = await started(crucible, 'exported', flats(700), { budget: { wallMs: 30_000 } });
  const { record, summary } = await endOf(crucible, id);
  expect(record.status, summary).toBe('finished');
  folder = join(await mkdtemp(join(tmpdir(), 'crucible-exported-')), 'model');
  const { context } = recorded(crucible.store);
  await exportJob(context, { job: id, out: folder, force: false });
  venv = await plainVenv();
  // What the lock file names, and nothing else; its hashes are held to.
  await run(
    join(venv, 'bin/python3'),
    [
      ...['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes'],
      ...['-r', join(folder, 'requirements.lock'), '-r', join(folder, 'service.lock')],
    ],
    { maxBuffer: 64 << 20 },
  );
}, 900_000);

afterAll(async () => {
  await crucible?.stop();
  for (const each of [venv, dirname(folder)]) await rm(each, { recursive: true, force: true });
});

/** Runs a script of the folder as somebody without Crucible does; nothing of this machine's Python is seen. */
async function python(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const env = { PATH: '/usr/bin:/bin', HOME: folder, OMP_NUM_THREADS: '1' };
  try {
    const { stdout, stderr } = await run(join(venv, 'bin/python3'), ['-B', '-s', ...args], {
      cwd: folder,
      env,
    });
    return { code: 0, out: stdout, error: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, error: stderr };
  }
}

const head = 'rooms,size,district,lift,listed';
const rows = ['5,104.5,old town,yes,2021-03-04', '1,22,north,no,2020-02-02'];

async function predict(text: string, ...options: string[]) {
  await writeFile(join(folder, 'new.csv'), text);
  return python('predict.py', 'new.csv', ...options);
}
/** The chance of a sale in each row that was printed. */
const chances = (out: string): number[] =>
  out
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[2]));

describe(
  'the exported folder, in an environment of its lock file and nothing else',
  () => {
    it('reproduces the recorded test score to 1e-9', async () => {
      const { code, out, error } = await python('test_score.py');
      expect([code, error]).toEqual([0, '']);
      const [, apart = '1'] = /: ([\d.e+-]+) apart/.exec(out) ?? [];
      expect(Number(apart)).toBeLessThan(1e-9);
      const recordedScore = JSON.parse(await readFile(join(folder, 'recorded.json'), 'utf8')).score;
      await writeFile(
        join(folder, 'recorded.json'),
        JSON.stringify({
          ...JSON.parse(await readFile(join(folder, 'recorded.json'), 'utf8')),
          score: recordedScore + 1e-6,
        }),
      );
      expect((await python('test_score.py')).code).toBe(1);
    });

    it('refuses missing, extra and mistyped columns by name', async () => {
      const refusals = await Promise.all([predict(`rooms,size,lift,listed\n5,104.5,yes,2021-03-04`)]);
      expect(refusals[0]).toMatchObject({ code: 3, error: expect.stringContaining("'district'") });
      expect(await predict(`${head},colour\n${rows[0]},red`)).toMatchObject({
        ...{ code: 3, error: expect.stringContaining("'colour'") },
      });
      expect(await predict(`${head}\nfive,104.5,old town,yes,2021-03-04`)).toMatchObject({
        ...{ code: 3, error: expect.stringContaining("'rooms'") },
      });
      expect(await predict(`${head}\n5,104.5,old town,yes,some day`)).toMatchObject({
        ...{ code: 3, error: expect.stringContaining("'listed'") },
      });
    });

    it('predicts alike whatever the order of columns and how the same values are typed', async () => {
      const plain = await predict([head, ...rows].join('\n'));
      expect([plain.code, plain.error]).toEqual([0, '']);
      const [likely = 0, unlikely = 1] = chances(plain.out);
      expect(likely).toBeGreaterThan(unlikely + 0.2);
      const turned = await predict(
        [
          'listed,lift,district,size,rooms',
          '2021-03-04,yes,old town,104.5,5',
          '2020-02-02,no,north,22,1',
        ].join('\n'),
      );
      expect(chances(turned.out)).toEqual(chances(plain.out));
      const typed = await predict(
        [head, '5.0,"104.50",old town,true,04.03.2021', '1.0,22.00,north,false,02.02.2020'].join('\n'),
      );
      expect([typed.error, chances(typed.out)]).toEqual(['', chances(plain.out)]);
    });

    it('has an answer for what was never there before: missing, infinite and unseen values, each said', async () => {
      const missing = await predict([head, ',,,,', rows[1]].join('\n'));
      expect(missing.code, missing.error).toBe(0);
      for (const chance of chances(missing.out)) expect(chance).toBeGreaterThan(0);
      const infinite = await predict([head, '5,inf,old town,yes,2021-03-04', rows[1]].join('\n'));
      const without = await predict([head, '5,,old town,yes,2021-03-04', rows[1]].join('\n'));
      expect(infinite.code).toBe(0);
      expect(infinite.error).toContain('size');
      expect(chances(infinite.out)).toEqual(chances(without.out));
      const unseen = await predict([head, '5,104.5,harbour,yes,2021-03-04', rows[1]].join('\n'));
      expect(unseen).toMatchObject({
        code: 0,
        error: expect.stringMatching(/district: 1 new category: harbour/),
      });
    });

    it('gives a set that holds the truth, and the reasons, for a single row', async () => {
      const { out, code, error } = await predict(
        [head, rows[0]].join('\n'),
        '--interval',
        '0.9',
        '--explain',
      );
      expect(code, error).toBe(0);
      const [names = '', row = ''] = out.trim().split('\n');
      expect(names.split(',').slice(-2)).toEqual(['one of', 'because']);
      expect(row).toMatch(/yes/);
      expect(row).toMatch(/(?:rooms|size|district) [+-]0?\.?\d/);
      expect(await predict([head, rows[0]].join('\n'), '--interval', '9')).toMatchObject({
        ...{ code: 3, error: expect.stringContaining('--interval 9') },
      });
    });

    it('serves over HTTP as its Dockerfile starts it, and refuses what is no such row', async () => {
      const [, command = '[]'] =
        /^CMD (\[.*\])$/m.exec(await readFile(join(folder, 'Dockerfile'), 'utf8')) ?? [];
      const [program = '', ...args]: string[] = JSON.parse(command);
      expect(program).toBe('uvicorn');
      const port = await freePort();
      const served = spawn(
        join(venv, 'bin', program),
        args.map((each) => (each === '8000' ? String(port) : each === '0.0.0.0' ? '127.0.0.1' : each)),
        { cwd: folder, env: { PATH: '/usr/bin:/bin', OMP_NUM_THREADS: '1' }, stdio: 'ignore' },
      );
      try {
        const at = `http://127.0.0.1:${port}`;
        await until('the service', 60_000, async () => (await fetch(`${at}/health`).catch(() => null))?.ok);
        const ask = async (row: object) => {
          const headers = { 'content-type': 'application/json' };
          const answer = await fetch(`${at}/predict`, {
            ...{ method: 'POST', headers, body: JSON.stringify({ rows: [row], interval: 0.9 }) },
          });
          return { status: answer.status, body: Answer.parse(await answer.json()) };
        };
        const row = { rooms: 5, size: 104.5, district: 'old town', lift: 'yes', listed: '2021-03-04' };
        const { status, body } = await ask(row);
        expect(status).toBe(200);
        const plain = await predict([head, rows[0]].join('\n'));
        expect(Array.isArray(body) && body[0]?.['probability yes']).toBeCloseTo(
          chances(plain.out)[0] ?? Number.NaN,
          12,
        );
        const { district: _, ...less } = row;
        expect(await ask(less)).toMatchObject({ status: 422, body: { detail: { column: 'district' } } });
      } finally {
        served.kill('SIGKILL');
      }
    });
  },
  patienceMs,
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('expected a port, got none');
  return address.port;
}
