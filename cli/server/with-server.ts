import type { Store } from '../../store/store.ts';
import type { Config } from '../../workers/config.ts';
import { connect, type JobClient } from './client.ts';
import { running, type UpOptions, up } from './embedded.ts';

/** Brings the server and a worker up where none runs, and returns what `act` makes of a client of theirs. */
export async function withServer<T>(
  config: Config,
  { store, say, signal }: Pick<UpOptions, 'say' | 'signal'> & { store: Store },
  act: (client: JobClient) => Promise<T>,
): Promise<T> {
  const { address } = await up(config, { say, ...(signal === undefined ? {} : { signal }) });
  const client = await connect(address, config.namespace, store, config);
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

/** Where a server answers, closes jobs that stand open in the ledger though their workflow has ended there. */
export async function closeEndedJobs(config: Config, store: Store): Promise<void> {
  const address = config.temporalAddress ?? (await running(config.home))?.address;
  if (address === undefined) return;
  const client = await connect(address, config.namespace, store, config).catch(() => null);
  try {
    await client?.closeEnded(store);
  } finally {
    await client?.close();
  }
}
