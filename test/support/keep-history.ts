import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../store/store.ts';

/**
 * `node test/support/keep-history.ts HOME JOB NAME` keeps the history of a job that has ended, `JOB` by its whole ID, as
 * `test/histories/NAME.json`. From then on every change of a workflow has to replay it. The worker that ran the job puts the history
 * into the store some seconds after its end.
 */
const [home = '', job = '', name = ''] = process.argv.slice(2);
if (name === '') throw new Error('expected the home of a store, the ID of a job, and a name for its history');
const store = await openStore(home);
try {
  const history = (await store.ledger.job(job))?.history;
  if (history == null)
    throw new Error(
      `expected the history of ${job} in ${home}, found none: has it ended, and does a worker run?`,
    );
  const folder = fileURLToPath(new URL('../histories', import.meta.url));
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${name}.json`),
    `${JSON.stringify(JSON.parse(await store.blobs.text(history)), null, 1)}\n`,
  );
} finally {
  await store.close();
}
