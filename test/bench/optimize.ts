import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { findJob } from '../../cli/follow/find-job.ts';
import { median } from '../../domain/speedup.ts';
import { headline } from '../../domain/trial.ts';
import { readJob } from '../../record/kept-job.ts';
import { readTree } from '../../store/documents.ts';
import { openStore } from '../../store/store.ts';
import { filesBelow, openSandbox, printed } from '../strategies/sandboxed-python.ts';
import { crucible } from '../support/command.ts';

const suite = join(import.meta.dirname, 'optimize');
const starts = ['naive', 'vectorised'] as const;

/** A function of the suite: how it was written, and its folder. */
interface Member {
  name: string;
  start: (typeof starts)[number];
  folder: string;
}

/** What a job made of a function. */
interface Found extends Member {
  /** 1 where nothing faster stood. */
  gain: number;
  strategy: string;
  seconds: number;
  /** Why the winner gives other answers for fresh inputs than the original; null: it does not. */
  wrong: string | null;
}

const Verdict = z.object({ kind: z.string(), detail: z.string().optional() });
const Line = Verdict.extend({
  function: z.string(),
  strategies: z.string(),
  gain: z.number().optional(),
  firstSeconds: z.number().optional(),
  buildSeconds: z.number().optional(),
});

export async function membersOf(names: readonly string[]): Promise<Member[]> {
  const all: Member[] = [];
  for (const start of starts)
    for (const name of (await readdir(join(suite, start))).sort())
      all.push({ name, start, folder: join(suite, start, name) });
  const unknown = names.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new Error(
      `expected functions of ${all.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`,
    );
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

/** `npm run bench -- optimize [--quick] [NAME…]`: jobs without a model; with `--quick`, each strategy looked at once, without the loop. */
export async function run(): Promise<void> {
  const given = process.argv.slice(3);
  const members = await membersOf(given.filter((each) => each !== '--quick'));
  await (given.includes('--quick') ? lookAt(members) : optimizeAll(members));
}

async function optimizeAll(members: readonly Member[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-optimize-'));
  const home = join(folder, 'home');
  try {
    const up = await crucible(['up'], { home });
    if (up.status !== 0) throw new Error(`expected a server and a worker, got ${up.out}${up.error}`);
    const found: Found[] = [];
    for (const member of members) {
      const one = await optimizeOne(member, folder, home);
      found.push(one);
      const wrong = one.wrong === null ? '' : `  WRONG: ${one.wrong}`;
      console.log(
        `${one.start.padEnd(10)} ${one.name.padEnd(16)} ${`${one.gain.toPrecision(3)}×`.padStart(8)} ${one.seconds.toFixed(0).padStart(5)} s  ${one.strategy}${wrong}`,
      );
    }
    console.log(JSON.stringify(summaryOf(found)));
  } finally {
    await crucible(['down'], { home });
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a function's job as its user would, and tries what it found on inputs of its own. */
async function optimizeOne(member: Member, folder: string, home: string): Promise<Found> {
  const own = join(folder, member.name);
  await cp(member.folder, own, { recursive: true });
  const began = performance.now();
  const said = await crucible(['run', join(own, 'job.yaml')], { home });
  const seconds = (performance.now() - began) / 1000;
  const store = await openStore(home);
  try {
    const record = await findJob(store, member.name.replaceAll('_', '-'));
    const { trials, strategies } = await readJob(store, record);
    const best = record.result?.best ?? null;
    if (record.status === 'failed')
      return { ...member, gain: 1, strategy: headline(record.result?.summary ?? ''), seconds, wrong: null };
    if (record.status !== 'finished')
      throw new Error(`${member.name} ended as ${record.status}: ${said.out}${said.error}`);
    if (best?.metric == null || record.result?.product == null) {
      const why = strategies?.notUsed[0];
      const strategy = strategies?.applicable.length
        ? 'nothing faster'
        : `none applies: ${why?.reason ?? ''}`;
      return { ...member, gain: 1, strategy, seconds, wrong: null };
    }
    const title =
      trials.find(({ candidate }) => candidate.id === best.candidate)?.candidate.title ?? best.candidate;
    const product = await readTree(store.blobs, record.result.product);
    const files: Record<string, Uint8Array> = {};
    for (const [path, artifact] of Object.entries(product)) files[path] = await store.blobs.get(artifact);
    return {
      ...member,
      gain: best.metric.value,
      strategy: title,
      seconds,
      wrong: await wrongOf(member, files),
    };
  } finally {
    await store.close();
  }
}

/** Compares a winner with the original for inputs that no job made, in a sandbox; null where they agree. */
async function wrongOf(member: Member, product: Record<string, Uint8Array>): Promise<string | null> {
  const sandbox = await openSandbox();
  try {
    const job = await readFile(join(member.folder, 'job.yaml'), 'utf8');
    const name = /^function: (\w+)/m.exec(job)?.[1] ?? '';
    const text = await printed(
      sandbox,
      { ...(await filesOf(member)), ...(await quickFiles()), ...below('winner', product) },
      ['/in/quick.py', '--compare', name, `/in/suite/${member.name}`, '/in/winner', 'program.py'],
    );
    const { kind, detail } = Verdict.parse(JSON.parse(text));
    return kind === 'right' ? null : `${kind}: ${detail}`;
  } finally {
    await sandbox.close();
  }
}

const below = (folder: string, files: Record<string, Uint8Array>): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(files).map(([path, bytes]) => [`${folder}/${path}`, bytes]));

async function filesOf({ name, folder }: Member): Promise<Record<string, string>> {
  const names = ['program.py', 'cases.py', 'job.yaml'];
  const files = names.map(async (file) => [
    `suite/${name}/${file}`,
    await readFile(join(folder, file), 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(files));
}

const quickFiles = async (): Promise<Record<string, string>> => ({
  'quick.py': await readFile(join(suite, 'quick.py'), 'utf8'),
});

export interface Summary {
  name: 'optimize';
  functions: number;
  gained: number;
  geometric_mean: number;
  geometric_mean_naive: number;
  geometric_mean_vectorised: number;
  fast_1: number;
  fast_2: number;
  fast_10: number;
  median_seconds: number;
  wrong_accepted: number;
}

/** The figures of a run; `fast_n` is the share of functions that became more than n times as fast, `gained` counts those above 1. */
export function summaryOf(found: readonly Pick<Found, 'gain' | 'start' | 'seconds' | 'wrong'>[]): Summary {
  const right = found.map((each) => ({ ...each, gain: each.wrong === null ? each.gain : 1 }));
  const mean = (all: readonly { gain: number }[]): number =>
    Number(
      Math.exp(all.reduce((sum, { gain }) => sum + Math.log(gain), 0) / Math.max(1, all.length)).toPrecision(
        3,
      ),
    );
  const above = (n: number): number =>
    Number((right.filter(({ gain }) => gain > n).length / Math.max(1, right.length)).toFixed(3));
  return {
    name: 'optimize',
    functions: found.length,
    gained: right.filter(({ gain }) => gain > 1).length,
    geometric_mean: mean(right),
    geometric_mean_naive: mean(right.filter(({ start }) => start === 'naive')),
    geometric_mean_vectorised: mean(right.filter(({ start }) => start === 'vectorised')),
    fast_1: above(1),
    fast_2: above(2),
    fast_10: above(10),
    median_seconds: Math.round(median(found.map(({ seconds }) => seconds))),
    wrong_accepted: found.filter(({ wrong }) => wrong !== null).length,
  };
}

/** Has each strategy make its program of each function, runs it in one sandbox a function, and says what came of it. */
async function lookAt(members: readonly Member[]): Promise<void> {
  const sandbox = await openSandbox();
  try {
    const files = { ...(await quickFiles()), ...(await filesBelow('strategies', 'strategies')) };
    for (const member of members) {
      const text = await printed(sandbox, { ...files, ...(await filesOf(member)) }, [
        ...['/in/quick.py', '/in/strategies', '/sandbox/guest', '/opt/crucible/nanobind', '/work/tried'],
        `/in/suite/${member.name}`,
      ]);
      for (const line of text.trim().split('\n')) {
        const { strategies, kind, detail, gain, firstSeconds, buildSeconds } = Line.parse(JSON.parse(line));
        const seconds =
          buildSeconds === undefined ? `${firstSeconds} s at first` : `${buildSeconds} s to build`;
        const what = gain === undefined ? `${kind}: ${detail}` : `${gain}×, ${seconds}`;
        console.log(`${member.name.padEnd(16)} ${strategies.padEnd(30)} ${what}`);
      }
    }
  } finally {
    await sandbox.close();
  }
}
