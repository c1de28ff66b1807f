import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { randomStream } from '../../domain/random.ts';
import type { StepRecord } from '../../store/ledger/steps.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible as command } from '../support/command.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { startModelServer } from '../support/model-servers.ts';

/** Stages in the order of their names, each with those it needs. */
const needs: Record<string, string[]> = {
  ...{ a: [], b: ['a'], c: ['a'], d: ['b'], e: ['b', 'c'], f: ['c'] },
  ...{ g: ['d', 'e'], h: ['e', 'f'], i: ['g'], j: ['g', 'h'], k: ['i', 'j'], l: ['k', 'f'] },
};

/** By default as often as is promised. */
const kills = Number(process.env.CRUCIBLE_TEST_KILLS ?? 10);

/** Takes a second, and gives a hash of all it was given. */
const script = (salt: string): string => `import hashlib, pathlib, time
time.sleep(1)
given = b''.join(path.read_bytes() for path in sorted(pathlib.Path('.').glob('*/out.txt')))
pathlib.Path('out.txt').write_text(hashlib.sha256(given + ${JSON.stringify(salt)}.encode()).hexdigest())
`;

async function submitted(crucible: TestCrucible, folder: string, fresh: boolean): Promise<string> {
  const { store, client } = crucible;
  const stages = Object.entries(needs).map(([name, needed]) => ({
    ...{ name, kind: 'solve', needs: needed, script: `${name}.py`, outputs: ['out.txt'] },
  }));
  const file = await checkedJob({ kind: 'pipeline', name: 'twelve', stages }, folder);
  const found = await submit(file, { store, client, models: modelConfig(), fresh });
  if (found.kind === 'finished') throw new Error('expected a run of its own');
  return found.jobId;
}

/** Every step of a pipeline and its stages. */
async function stepsBelow({ store }: TestCrucible, id: string): Promise<StepRecord[]> {
  const children = await store.ledger.children(id);
  return (
    await Promise.all([id, ...children.map((child) => child.id)].map((each) => store.ledger.steps(each)))
  ).flat();
}

const doneBelow = async (crucible: TestCrucible, id: string): Promise<StepRecord[]> =>
  (await stepsBelow(crucible, id)).filter(({ end }) => end.kind === 'done');

it('a pipeline of twelve stages that is killed ten times gives the same, and does nothing twice that was done', async () => {
  const folder = await temporaryFolder();
  for (const name of Object.keys(needs)) await writeFile(join(folder, `${name}.py`), script(name));
  const crucible = await startCrucible();
  try {
    await crucible.startWorker();
    const calm = await crucible.client.result(await submitted(crucible, folder, false));
    const id = await submitted(crucible, folder, true);
    const random = randomStream(Number(process.env.CRUCIBLE_TEST_SEED ?? 7));
    const done = new Map<string, StepRecord>();
    for (let kill = 0; kill < kills; kill += 1) {
      await until(
        'another step to be done',
        120_000,
        async () => (await doneBelow(crucible, id)).length > done.size,
      );
      await wait(random() * 1_500);
      await crucible.killWorker();
      // Every third time the server goes, too.
      if (kill % 3 === 2) {
        await crucible.server.kill();
        await crucible.server.restart();
      }
      for (const step of await doneBelow(crucible, id)) done.set(step.key, step);
      await crucible.startWorker();
    }
    const ended = await crucible.client.result(id);
    expect(ended.product).toBe(calm.product);
    const steps = new Map((await stepsBelow(crucible, id)).map((step) => [step.key, step]));
    expect(done.size).toBeGreaterThanOrEqual(kills);
    for (const [key, step] of done) expect(steps.get(key), key).toEqual(step);

    await writeFile(join(folder, 'e.py'), script('another'));
    const changed = await submitted(crucible, folder, false);
    await crucible.client.result(changed);
    const again = (await crucible.store.ledger.children(changed)).map(({ name }) => name).sort();
    expect(again).toEqual(['e', 'g', 'h', 'i', 'j', 'k', 'l']);
  } finally {
    await crucible.stop();
  }
});

it('a script is written for its template, run from then on, and written anew for another text', async () => {
  const folder = await temporaryFolder();
  const home = join(folder, 'home');
  const server = await startModelServer('chat');
  const env = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  const answer = (text: string) => ({
    kind: 'text' as const,
    text: JSON.stringify({
      ...{ idea: 'As asked.', edits: [], removed: [], entry: 'main.py', build: 'none' },
      files: [{ path: 'main.py', content: `open('out.txt', 'w').write('${text}')\n` }],
    }),
  });
  const stage = { name: 'say', kind: 'solve', template: 'say.md', script: 'say.py', outputs: ['out.txt'] };
  const job = { kind: 'pipeline', name: 'said', stages: [{ ...stage, models: { draft: ['openai/stub'] } }] };
  await writeFile(join(folder, 'job.json'), JSON.stringify(job));
  const run = async (task: string) => {
    await writeFile(join(folder, 'say.md'), task);
    const said = await command(['run', 'job.json'], { home, folder, env });
    expect(said).toMatchObject({ status: 0, error: '' });
    return said.out;
  };
  try {
    server.answers = [answer('one'), answer('two')];
    expect(await run('Say one.')).toMatch(/^Written +say\.py$/m);
    expect(await readFile(join(folder, 'say.py'), 'utf8')).toMatch(
      /^# Written by Crucible for say\.md: .*\nopen\(/,
    );
    expect(await run('Say one.')).not.toContain('Written');
    expect(server.requests).toHaveLength(1);
    expect(await run('Say two.')).toMatch(/^Written +say\.py$/m);
    expect(await readFile(join(folder, 'say.py'), 'utf8')).toContain("'two'");
    expect(server.requests).toHaveLength(2);
  } finally {
    await command(['down'], { home });
    await server.close();
  }
});
