import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { python } from '../../activities/try/command.ts';
import { defaults } from '../../domain/defaults.ts';
import { JobRejected } from '../../domain/errors.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { Limits } from '../../domain/limits.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import { readJob } from '../../record/kept-job.ts';
import { learnLock } from '../../sandbox/packages.ts';
import { readTree } from '../../store/documents.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { findJob } from '../follow/find-job.ts';
import type { Session } from '../server/session.ts';
import { sayOf, UserMistake } from '../terminal.ts';

export interface PredictOptions {
  out?: string;
  interval?: number;
  explain?: boolean;
}

/** The exit status of a program whose table it cannot take. */
const mistaken = 3;

/**
 * `crucible predict JOB new.csv`: predicts the rows of a table with what a job learnt. It runs in the sandbox,
 * as the exported folder does. Throws `UserMistake` where the job gave nothing that predicts, or the table is
 * not like the one it learnt from.
 */
export async function predictTable(
  { config, context, signal }: Session,
  { job: text, table, out: file, interval, explain = false }: PredictOptions & { job: string; table: string },
): Promise<void> {
  const { store } = context;
  const { record, job } = await readJob(store, await findJob(store, text));
  if (kindOf(job).product !== 'model')
    throw new UserMistake(
      `${record.id}: expected a job that learnt from a table (crucible fit), got one of kind ${job.kind}`,
    );
  const product = record.result?.product ?? null;
  if (product === null)
    throw new UserMistake(
      `${record.id} has nothing that predicts yet: ${record.result?.summary ?? record.status}`,
    );
  const { sandbox } = await openSandbox(config, store);
  if (sandbox.layers === null) throw new JobRejected('packages cannot be shown to the sandbox here');
  const lock = await learnLock();
  await sandbox.layers.layer(lock, signal);
  const name = basename(table);
  const ran = await sandbox.run(
    {
      ...{ key: `predict/${process.pid}#predict`, label: 'predict' },
      argv: [
        ...[python, '-B', '/in/model/predict.py', `/in/table/${name}`, '-o', 'predicted.csv'],
        ...(interval === undefined ? [] : ['--interval', String(interval)]),
        ...(explain ? ['--explain'] : []),
      ],
      files: {
        ...placeBelow('model', await readTree(store.blobs, product)),
        [`table/${name}`]: await store.blobs.putFile(table),
      },
      limits: Limits.parse({ memoryMb: defaults.fit.memoryMb, wallMs: 10 * 60_000 }),
      environment: { kind: 'layer', lock: await store.blobs.put(lock) },
      outputs: ['predicted.csv'],
    },
    signal,
  );
  const predicted = ran.outputs['predicted.csv'];
  if (ran.ending.kind === 'exited' && ran.ending.code === mistaken)
    throw new UserMistake(`${table}: ${ran.stderr.tail.trim()}`);
  if (predicted === undefined || ran.ending.kind !== 'exited' || ran.ending.code !== 0)
    throw new Error(`predict.py ended as ${JSON.stringify(ran.ending)}: ${ran.stderr.tail}`);
  const said = ran.stderr.tail.trim();
  if (said !== '') sayOf(context)(said);
  const bytes = await store.blobs.get(predicted);
  if (file === undefined) return context.out(bytes.toString('utf8').trimEnd());
  await writeFile(file, bytes);
  context.out(file);
}
