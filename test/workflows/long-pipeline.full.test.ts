import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore, type Store } from '../../store/store.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { start, storedActivities, storedInput, tell } from './stored-job.ts';
import { stubbedWorkers } from './stubbed-workers.ts';

/** As many as a pipeline may have. */
const stages = Number(process.env.CRUCIBLE_TEST_STAGES ?? 200);
/** Times it is paused and goes on, with every stage under way. */
const pauses = 3;
/** What a server allows in a history. */
const mostEvents = 51_200;

const workers = stubbedWorkers();
let store: Store;
beforeEach(async () => {
  store = await openStore(await temporaryFolder());
});
afterEach(() => store.close());

const drawing = (index: number, needs: string[]) => ({
  ...{ kind: 'solve', name: `s-${index}`, script: 'draw.py', needs },
});

it(`a pipeline of ${stages} stages one after the other needs less than 30 events for each`, async () => {
  const { activities } = storedActivities(store);
  const chain = Array.from({ length: stages }, (_, index) =>
    drawing(index, index === 0 ? [] : [`s-${index - 1}`]),
  );
  const input = storedInput(store, { kind: 'pipeline', name: 'chain', stages: chain });
  await workers.during(activities, async () => {
    const handle = await start(workers, input);
    expect((await handle.result()).summary).toContain(`${stages} stages done`);
    const { historyLength } = await handle.describe();
    console.log(`${historyLength} events for ${stages} stages one after the other`);
    expect(historyLength).toBeLessThan(100 + 30 * stages);
    expect(historyLength).toBeLessThan(mostEvents / 4);
  });
});

it(`a pipeline of ${stages} stages side by side passes on what it is told in few events for each`, async () => {
  const { activities, hold, letGo } = storedActivities(store);
  const wide = Array.from({ length: stages }, (_, index) => drawing(index, []));
  const input = storedInput(store, { kind: 'pipeline', name: 'wide', stages: wide });
  hold();
  await workers.during(activities, async () => {
    const handle = await start(workers, input);
    const { ledger } = store;
    await until('every stage', 120_000, async () => (await ledger.children(input.jobId)).length === stages);
    const { historyLength: before } = await handle.describe();
    for (let each = 0; each < pauses; each += 1) {
      await tell(workers, input.jobId, { kind: 'pause' });
      await tell(workers, input.jobId, { kind: 'resume' });
    }
    await until('all to be passed on', 120_000, async () => {
      const { historyLength: now } = await handle.describe();
      await wait(2_000);
      return (await handle.describe()).historyLength === now;
    });
    const { historyLength: after } = await handle.describe();
    const perMessage = (after - before) / (2 * pauses);
    console.log(`${Math.round(perMessage)} events for a message to ${stages} stages`);
    // Many more than a person sends before a pipeline is told nothing more.
    expect(perMessage).toBeLessThan(60 + 4 * stages);
    letGo();
    expect((await handle.result()).summary).toContain(`${stages} stages done`);
  });
});
