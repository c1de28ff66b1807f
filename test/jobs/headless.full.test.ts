import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { crucible } from '../support/running-crucible.ts';

const patienceMs = 600_000;

const window = `import matplotlib
matplotlib.use('TkAgg')
import matplotlib.pyplot as plt

plt.plot([1, 4, 9])
plt.savefig('plot.png')
plt.show()
`;
const volume = `import pyvista

plotter = pyvista.Plotter(window_size=(200, 200))
plotter.add_mesh(pyvista.Sphere())
plotter.show(screenshot='plot.png')
`;

/** How a script that draws ended, and what was tried. */
async function drawn(name: string, script: string) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'draw.py'), script);
  const job = {
    ...{ kind: 'solve', name, script: 'draw.py', fix: true, limits: { wallMs: 120_000, memoryMb: 2048 } },
    outputs: [{ kind: 'image', path: 'plot.png' }],
  };
  const submitted = await submit(await checkedJob(job, folder), {
    ...{ store, client, models: modelConfig(), fresh: false },
  });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const trials = (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial);
  return { record: await store.ledger.job(submitted.jobId), trials };
}

it(
  'a script that opens a window of Matplotlib is diagnosed, and draws off-screen without a model',
  async () => {
    const { record, trials } = await drawn('window', window);
    expect(trials[0]?.outcome).toMatchObject({ kind: 'crashed', diagnosis: { kind: 'headlessDisplay' } });
    expect(record?.result).toMatchObject({
      summary: expect.stringMatching(/^fixed: c-1 passed every check/),
    });
  },
  patienceMs,
);

it(
  'a script that opens a window of VTK is diagnosed, and draws off-screen by Mesa',
  async () => {
    const { record, trials } = await drawn('volume', volume);
    expect(trials[0]?.outcome).toMatchObject({ kind: 'crashed', diagnosis: { kind: 'headlessDisplay' } });
    expect(record?.result).toMatchObject({
      summary: expect.stringMatching(/^fixed: c-1 passed every check/),
    });
  },
  patienceMs,
);
