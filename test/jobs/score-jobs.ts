import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, environment } from '../support/asked-crucible.ts';
import { modelConfig } from '../support/model-config.ts';

/** Writes a guess that is off by `off`, and by up to 1 as its seed has it. */
export const guess = (off: number): string => `import os
seed = int(os.environ['CRUCIBLE_SEED'])
open('guess.txt', 'w').write(str(100 + ${off} + seed % 1000 / 1000))
`;

export const evaluator = `"""How far a guess is off."""
def evaluate(inputs, outputs, seed):
    "Of no use to a model."
    value = float((outputs / 'guess.txt').read_text())
    assert value < 1000, f'{value} is beyond all bounds'
    assert seed >= 0 and (inputs / 'hint.txt').read_text() == 'about a hundred'
    return {'error': abs(value - 100), 'digits': len(str(value))}
`;

export const reply = (idea: string, content: string) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{ idea, edits: [], removed: [], entry: 'guess.py', build: 'none' },
    files: [{ path: 'guess.py', content }],
  }),
});

/** How a job ended that improves \`guess.py\`. */
export async function ended(name: string, fields: object = {}, files: Record<string, string> = {}) {
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
