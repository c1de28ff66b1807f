import { Client, Connection } from '@temporalio/client';
import { afterEach, expect, it } from 'vitest';
import { connect } from '../../cli/server/client.ts';
import { openStore } from '../../store/store.ts';
import { type Held, type SteeredWorker, startSteeredWorker } from '../jobs/steered.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { startServer } from '../support/temporal.ts';
import { expectWhole, longInput, longScript, type Whole } from './long-search.ts';

const trials = Number(process.env.CRUCIBLE_TEST_TRIALS ?? 2_000);
const quarter = Math.floor(trials / 4);
/** What may live more in a worker after all trials than after a quarter, which is 1,500 of them earlier. */
const mostMoreLiveMb = 40;
const mostMoreResidentMb = 300;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Searched extends Whole {
  /** What the last worker held after each quarter of the trials. */
  held: Held[];
}

/** Runs a search of cheap trials with a worker of its own, which is killed after so many of them. */
async function searched(killedAt: readonly number[]): Promise<Searched> {
  const home = await temporaryFolder();
  const store = await openStore(home);
  stops.push(() => store.close());
  const server = await startServer();
  stops.push(() => server.stop());
  const { address } = server;
  const start = (): Promise<SteeredWorker> =>
    startSteeredWorker({ home, address }, { script: longScript, runMs: 0 });
  let worker = await start();
  stops.push(() => worker.kill());
  const client = await connect(address, 'default', store);
  stops.push(() => client.close());
  const input = longInput(store, trials);
  const { jobId } = input;
  await client.start(input);
  expect(await client.tell(jobId, { id: 'h-1', message: { kind: 'hint', text: 'use tables' } })).toBe(null);

  let last = 0;
  let done = 0;
  const tried = (count: number): Promise<true> =>
    until(`trial ${count}`, 1_500_000, async () => {
      const events = await store.ledger.events(jobId, last);
      last = events.at(-1)?.number ?? last;
      done += events.filter(({ key }) => /#c-\d+\/record$/.test(key)).length;
      return done >= count;
    });
  const held: Held[] = [];
  for (const count of [...killedAt, quarter, 2 * quarter, 3 * quarter]) {
    await tried(count);
    if (killedAt.includes(count)) {
      await worker.kill();
      worker = await start();
    } else {
      held.push(await worker.held());
    }
  }
  await client.closed(jobId, new AbortController().signal);
  held.push(await worker.held());
  const connection = await Connection.connect({ address });
  stops.push(() => connection.close());
  const summary = (await store.ledger.job(jobId))?.result?.summary ?? '';
  const whole = await expectWhole(new Client({ connection }), { store, jobId, trials, summary });
  return { ...whole, held };
}

it(`a search of ${trials} cheap trials whose worker is killed twice goes on as new, in flat memory, and finds what one does that nothing happens to`, async () => {
  const killedAt = [Math.floor(trials / 12), Math.floor(trials / 6)];
  const [killed, undisturbed] = await Promise.all([searched(killedAt), searched([])]);
  const mb = ({ residentMb, liveMb }: Held): string =>
    `${residentMb.toFixed(0)} MB resident, ${liveMb.toFixed(0)} MB live`;
  for (const { histories, longest, held } of [killed, undisturbed])
    console.log(
      `${histories} histories of at most ${longest} events; after each quarter: ${held.map(mb).join('; ')}`,
    );
  expect(killed.decided).toEqual(undisturbed.decided);
  expect(killed.journal).toEqual(undisturbed.journal);
  expect(killed.best).toEqual(undisturbed.best);
  for (const { histories, held } of [killed, undisturbed]) {
    expect(histories).toBeGreaterThan(1);
    const [first = expect.fail(), ...later] = held;
    const end = later.at(-1) ?? expect.fail();
    expect(end.liveMb).toBeLessThan(first.liveMb + mostMoreLiveMb);
    expect(end.residentMb).toBeLessThan(first.residentMb + mostMoreResidentMb);
  }
});
