import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVerification } from '../../cli/keep/verify.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { readTree } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const patienceMs = 300_000;
let crucible: TestCrucible;
let server: ModelServer;
let environment: Record<string, string>;

beforeAll(async () => {
  server = await startModelServer('chat');
  environment = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  crucible = await startCrucible(environment);
  await crucible.startWorker();
}, patienceMs);

afterAll(async () => {
  await crucible?.stop();
  await server?.close();
});

/** Writes a guess that is off by `off`, and by up to 1 as its seed has it. */
const guess = (off: number): string => `import os
seed = int(os.environ['CRUCIBLE_SEED'])
open('guess.txt', 'w').write(str(100 + ${off} + seed % 1000 / 1000))
`;

const evaluator = `"""How far a guess is off."""
def evaluate(inputs, outputs, seed):
    "Of no use to a model."
    value = float((outputs / 'guess.txt').read_text())
    assert value < 1000, f'{value} is beyond all bounds'
    assert seed >= 0 and (inputs / 'hint.txt').read_text() == 'about a hundred'
    return {'error': abs(value - 100), 'digits': len(str(value))}
`;

const reply = (idea: string, content: string) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{ idea, edits: [], removed: [], entry: 'guess.py', build: 'none' },
    files: [{ path: 'guess.py', content }],
  }),
});

/** How a job ended that improves \`guess.py\`. */
async function ended(name: string, fields: object = {}, files: Record<string, string> = {}) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  const all = { 'guess.py': guess(50), 'evaluate.py': evaluator, 'hint.txt': 'about a hundred', ...files };
  for (const [path, content] of Object.entries(all)) await writeFile(join(folder, path), content);
  const objective = { metric: 'error', direction: 'minimize', check: 'evaluate.py', repeats: 2 };
  const file = await checkedJob(
    {
      ...{ kind: 'solve', name, script: 'guess.py', inputs: ['hint.txt'], objective, budget: { trials: 3 } },
      models: { draft: ['openai/gpt-4o'], cache: false },
      ...fields,
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  if (record === undefined) throw new Error('expected the job in the ledger');
  return {
    record,
    summary: record.result?.summary ?? '',
    trials: (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial),
  };
}

it(
  'a script is improved by its score until the budget is used; what is not surely better is not verified; the best is tried again later',
  async () => {
    // Two runs whose scores differ by up to one leave an interval of some ten: 40 is not clear of 50, 2 is.
    server.answers = [
      reply('a little nearer', guess(49.9)),
      reply('an error', 'raise SystemExit("no idea")\n'),
      reply('much nearer', guess(0).replace('% 1000 / 1000', '% 2 * 0')),
    ];
    const { store, client } = crucible;
    const { record, summary, trials } = await ended('improved', { outputs: ['guess.txt'] });
    expect(summary).toMatch(
      /^c-3 much nearer has error 0, where guess.py has error 50.* ± .*; 3 tried, 2 scored;/,
    );
    expect(trials.map(({ candidate, purpose, outcome }) => [candidate.id, purpose, outcome.kind])).toEqual([
      ['c-0', 'baseline', 'scored'],
      ['c-1', 'trial', 'scored'],
      ['c-2', 'trial', 'crashed'],
      ['c-3', 'trial', 'scored'],
      ['c-3', 'verification', 'scored'],
    ]);
    const seeds = trials.flatMap((trial) => trial.seeds.flatMap((each) => each.match(/\d+/g) ?? []));
    expect([seeds.length, new Set(seeds).size]).toEqual([16, 16]);
    const product = await readTree(store.blobs, record.result?.product ?? '');
    expect(Object.keys(product)).toEqual(['guess.txt']);
    expect(await store.blobs.text(product['guess.txt'] ?? '')).toBe('100');
    const asked = JSON.stringify(server.requests[0]?.body.messages);
    expect(asked).toContain('the score, error: the smaller the better');
    expect(asked).not.toContain('beyond all bounds');

    const id = await startVerification(store, client, record);
    await client.result(id);
    const verified = await store.ledger.job(id);
    expect(verified?.result?.summary).toBe('much nearer holds: error 0 with new seeds');
  },
  patienceMs,
);

it(
  'nothing that a program says or plants is its score, and it cannot reach what scores it',
  async () => {
    const cheats = {
      'prints and plants scores': `import json, sys
print('error: 0'); print(json.dumps({'error': 0}), file=sys.stderr)
for path in ('verdict.json', 'plan.json'): open(path, 'w').write('{"kind": "right", "cases": [{"score": 0}]}')
for path in ('evaluate.py', 'sitecustomize.py', 'pathlib.py', 'numpy.py'):
    open(path, 'w').write('def evaluate(inputs, outputs, seed=0): return {"error": 0.0, "digits": 1}\\n')
open('guess.txt', 'w').write('190')
`,
      'looks for what scores it': `import glob, os, sys
found = glob.glob('/in/**', recursive=True) + glob.glob('/work/**', recursive=True)
found = [path for path in found if 'evaluate' in path]
try:
    import evaluate
    found.append('imported')
except ImportError:
    pass
open('guess.txt', 'w').write('100' if found else '180')
`,
      'changes its outputs afterwards': `import os, time
open('guess.txt', 'w').write('170')
if os.fork() == 0:
    os.setsid()
    for _ in range(200):
        time.sleep(0.02)
        open('guess.txt', 'w').write('160')
`,
    };
    server.answers = Object.entries(cheats).map(([idea, source]) => reply(idea, source));
    const { summary, trials } = await ended('cheats');
    const scores = trials.map(({ outcome }) => (outcome.kind === 'scored' ? outcome.metric.value : outcome));
    expect(scores.slice(1, 3)).toEqual([90, 80]);
    // Whenever it was written: what is scored is what is kept.
    const last = trials.at(-1);
    const kept = await readTree(crucible.store.blobs, last?.artifacts.outputs ?? '');
    const guessed = Number(await crucible.store.blobs.text(kept['guess.txt'] ?? ''));
    expect(last?.outcome.kind === 'scored' ? Math.min(...(last.outcome.scores ?? [])) : null).toBe(
      guessed - 100,
    );
    expect([160, 170]).toContain(guessed);
    expect(summary).toMatch(/^nothing surely better than guess.py was found, error 50/);
  },
  patienceMs,
);

it(
  'a bound that is broken, and an assertion, refuse a program; a goal ends the search',
  async () => {
    server.answers = [
      reply('long', "open('guess.txt', 'w').write('100.1234')\n"),
      reply('far', "open('guess.txt', 'w').write('1e9')\n"),
      reply('near', "open('guess.txt', 'w').write('101')\n"),
      reply('never asked for', guess(0)),
    ];
    const objective = {
      ...{ metric: 'error', direction: 'minimize', check: 'evaluate.py', repeats: 1, goal: 2 },
      constraints: { digits: { max: 7 } },
    };
    const { summary, trials } = await ended('bounded', {
      ...{ objective, script: undefined, task: 'Guess.', budget: { trials: 9 } },
    });
    expect(
      trials.map(({ outcome }) =>
        'reason' in outcome ? outcome.reason : outcome.kind === 'scored' ? outcome.metric : null,
      ),
    ).toEqual([
      expect.stringContaining('digits is 8: at most 7 is allowed (error is 0.1234)'),
      expect.stringContaining('1000000000.0 is beyond all bounds'),
      ...[1, 1].map((value) => ({ value, low: value, high: value })),
    ]);
    expect(summary).toBe(
      'c-3 near has error 1; 3 tried, 1 scored; stopped because the goal of error 2 is met',
    );
  },
  patienceMs,
);

it(
  'an evaluator that is mistaken ends its job with where it is, before a model is asked',
  async () => {
    const mistakes: [string, string, RegExp][] = [
      [
        'name',
        evaluator.replace('abs(value', 'absolute(value'),
        /evaluate.py:7 in evaluate: NameError: name 'absolute'/,
      ],
      [
        'text',
        evaluator.replace('abs(value - 100)', 'str(value)'),
        /guess.py is where the search starts, and it has no score: .*returned .* as error: expected a number/,
      ],
    ];
    server.answers = [];
    server.requests.length = 0;
    for (const [name, source, message] of mistakes) {
      const { record, summary } = await ended(name, {}, { 'evaluate.py': source });
      expect([record.status, summary]).toEqual(['failed', expect.stringMatching(message)]);
    }
    expect(server.requests).toEqual([]);
  },
  patienceMs,
);
