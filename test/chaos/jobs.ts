import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';

const weigh = fileURLToPath(new URL('../fixtures/weigh', import.meta.url));

/** A reply of the stub models: a whole program. */
const reply = (idea: string, path: string, content: string): string =>
  JSON.stringify({
    ...{ idea, edits: [], removed: [], entry: path, build: 'none' },
    files: [{ path, content }],
  });

/** What the stub server has each of its models write. */
export const replies: Readonly<Record<string, string>> = {
  quick: reply(
    'Let NumPy do the sum.',
    'weigh.py',
    'import numpy as np\n\n\ndef weigh(values, rounds):\n    places = np.arange(values.shape[0]) % 7\n    return float(sum((values * (places + turn)).sum() for turn in range(rounds)))\n',
  ),
  writer: reply(
    'A counter.',
    'main.py',
    "import collections, json\nwords = open('notes.txt').read().split()\njson.dump(dict(sorted(collections.Counter(words).items())), open('counts.json', 'w'))\n",
  ),
};

/** Jobs of every kind that a run of faults is made to: what each is, and whether what comes of it is the same bytes each time. */
const jobs = {
  cells: {
    fields: {
      ...{ kind: 'experiment', window: 3 },
      cell: { kind: 'solve', script: 'cell.py', args: [placeholder('n')], outputs: ['out.txt'] },
      matrix: { n: Array.from({ length: 16 }, (_, n) => n) },
    },
    // Its table says how long cells took.
    sameBytes: false,
  },
  stages: {
    fields: {
      kind: 'pipeline',
      stages: [
        { name: 'one', kind: 'solve', script: 'one.py', outputs: ['one.txt'] },
        { name: 'two', kind: 'solve', script: 'two.py', needs: ['one'], outputs: ['two.txt'] },
        { name: 'three', kind: 'solve', script: 'three.py', needs: ['two'], outputs: ['three.txt'] },
      ],
    },
    sameBytes: true,
  },
  words: {
    fields: {
      ...{ kind: 'solve', task: 'Count the words of notes.txt into counts.json.', inputs: ['notes.txt'] },
      outputs: [{ kind: 'json', path: 'counts.json', schema: { type: 'object' } }],
      models: { draft: ['openai/writer'], cache: false },
      budget: { tokens: 1_000_000 },
    },
    sameBytes: true,
  },
  weigh: {
    fields: {
      ...{ kind: 'optimize', program: 'weigh.py', function: 'weigh', cases: 'cases.py' },
      ...{ strategies: ['vectorize_loops'], models: { draft: ['openai/quick'], cache: false } },
      ...{ budget: { trials: 2, tokens: 1_000_000 }, tolerance: { relative: 1e-9 } },
    },
    // How fast it is says which of two is best.
    sameBytes: false,
  },
} as const;
export type ChaosJob = keyof typeof jobs;
export const chaosJobs = Object.keys(jobs) as ChaosJob[]; // they are the keys above

/** Whether what comes of a job is the same bytes each time. */
export const givesSameBytes = (name: ChaosJob): boolean => jobs[name].sameBytes;

async function writeFiles(folder: string): Promise<void> {
  await cp(weigh, folder, { recursive: true });
  const files = {
    'cell.py':
      "import sys, time\nn = int(sys.argv[1])\ntime.sleep(0.3)\nif n % 8 == 5: raise ValueError('this one fails')\nopen('out.txt', 'w').write(str(n * n))\n",
    'one.py': "import time\ntime.sleep(1)\nopen('one.txt', 'w').write('1')\n",
    'two.py': "import time\ntime.sleep(1)\nopen('two.txt', 'w').write(open('one/one.txt').read() + '2')\n",
    'three.py':
      "import time\ntime.sleep(1)\nopen('three.txt', 'w').write(open('two/two.txt').read() + '3')\n",
    'notes.txt': 'to be or not to be\n',
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
}

/** Starts all jobs at once. Returns their IDs. */
export async function startJobs(
  { store, client }: TestCrucible,
  folder: string,
  environment: Record<string, string>,
): Promise<Record<ChaosJob, string>> {
  await writeFiles(folder);
  const ids: Partial<Record<ChaosJob, string>> = {};
  for (const name of chaosJobs) {
    const file = await checkedJob({ name, ...jobs[name].fields }, folder);
    const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: true });
    if (submitted.kind === 'finished') throw new Error(`expected ${name} to be new`);
    ids[name] = submitted.jobId;
  }
  return ids as Record<ChaosJob, string>; // each of `chaosJobs` is set
}
