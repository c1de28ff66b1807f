import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { startCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const folder = join(import.meta.dirname, '../fixtures/script');
export const patienceMs = 300_000;

export type Options = Partial<z.input<typeof OptimizeJob>> & { name: string };

/** Jobs on a whole script, on real parts, with a stub server for a model. */
export interface ScriptJobs {
  model: ModelServer;
  store: Store;
  /** Runs a job on `smooth.py`, or on what `options` say, to its end. */
  optimized(options: Options): Promise<{ record: JobRecord; trials: Trial[] }>;
  stop(): Promise<void>;
}

export async function startScriptJobs(): Promise<ScriptJobs> {
  const model = await startModelServer('chat');
  const environment = { OPENAI_BASE_URL: model.baseUrl, OPENAI_API_KEY: model.key };
  const crucible = await startCrucible(environment);
  await crucible.startWorker();

  return {
    model,
    store: crucible.store,
    async optimized(options) {
      const { store, client } = crucible;
      const file = await checkedJob(
        {
          kind: 'optimize',
          program: 'smooth.py',
          outputs: ['*.npy'],
          limits: { wallMs: 60_000 },
          models: { draft: ['openai/stub'], debug: ['openai/stub'], improve: ['openai/stub'] },
          ...options,
        },
        folder,
      );
      const submitted = await submit(file, {
        store,
        client,
        models: modelConfig(environment),
        fresh: false,
      });
      if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
      const record = await until(`the job ${options.name}`, patienceMs, async () => {
        const found = await store.ledger.job(submitted.jobId);
        return found !== undefined && found.status !== 'running' && found;
      });
      return { record, trials: (await store.ledger.trials(record.id)).map(({ trial }) => trial) };
    },
    async stop() {
      await crucible.stop();
      await model.close();
    },
  };
}

/** `smooth.py` as a model gives it back after one change. */
export async function changed(idea: string, from: string, to: string): Promise<string> {
  const source = await readFile(join(folder, 'smooth.py'), 'utf8');
  if (!source.includes(from)) throw new Error(`expected ${from} in smooth.py, found none`);
  const files = [{ path: 'smooth.py', content: source.replace(from, to) }];
  return JSON.stringify({ idea, files, edits: [], removed: [], entry: 'smooth.py', build: 'none' });
}
