import { createServer } from 'node:http';
import type { Worker } from '@temporalio/worker';
import { ConfigWrong } from '../domain/errors.ts';
import type { Store } from '../store/store.ts';

/** What is asked whether a process lives, and whether it takes work. */
export interface Health {
  /** Where it answers: host and port. */
  address: string;
  close(): Promise<void>;
}

/** A store that answers no sooner is not ready. */
const patienceMs = 2_000;

/**
 * Answers `/health` while the process lives, and `/ready` while all its workers poll and its store answers. The status is 200, or 503 with
 * the reason. Throws `ConfigWrong` where the address cannot be taken.
 */
export async function openHealth(
  address: { host: string; port: number },
  { workers, ledger }: { workers: readonly Pick<Worker, 'getState'>[]; ledger: Pick<Store['ledger'], 'job'> },
): Promise<Health> {
  const server = createServer((request, response) => {
    const give = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    const path = request.url?.split('?')[0];
    if (path === '/health') return give(200, { status: 'alive' });
    if (path !== '/ready') return give(404, { expected: ['/health', '/ready'] });
    void unready(workers, ledger).then((why) =>
      why === null ? give(200, { status: 'ready' }) : give(503, { status: 'not ready', why }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new ConfigWrong(`CRUCIBLE_HEALTH: ${address.host}:${address.port} cannot be taken: ${error.message}`),
      ),
    );
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return {
    address: `${address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function unready(
  workers: readonly Pick<Worker, 'getState'>[],
  ledger: Pick<Store['ledger'], 'job'>,
): Promise<string | null> {
  const states = workers.map((worker) => worker.getState());
  const other = states.find((state) => state !== 'RUNNING');
  if (other !== undefined) return `a worker is ${other.toLowerCase()}`;
  const late = new Promise<string>((resolve) =>
    setTimeout(
      () => resolve(`the store has not answered within ${patienceMs / 1_000} s`),
      patienceMs,
    ).unref(),
  );
  // That no job has this name is an answer.
  const asked = ledger.job('').then(
    () => null,
    () => 'the store does not answer',
  );
  return Promise.race([asked, late]);
}
