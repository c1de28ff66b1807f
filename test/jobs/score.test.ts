import { expect, it } from 'vitest';
import { readTree } from '../../store/documents.ts';
import { crucible, patienceMs, server } from '../support/asked-crucible.ts';
import { ended, evaluator, reply } from './score-jobs.ts';

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
