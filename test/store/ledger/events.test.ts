import { describe, expect, it } from 'vitest';
import { together } from '../processes.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const newJob = {
  id: 'w',
  series: 'w',
  run: 1,
  name: 'n',
  kind: 'solve',
  role: 'job',
  input: 'a'.repeat(64),
  startedAt: 1,
} as const;

describe('events', { timeout: 30_000 }, () => {
  it('are said once a key and read from where the reader stopped', async () => {
    const { ledger } = await temporaryStore();
    const { id } = await ledger.openJob(newJob);
    await ledger.say(id, 'start', 'Starting with the baseline', 10);
    await ledger.say(id, 'start', 'said by a retry', 11);
    await ledger.say(id, 'trial', 'c-1 is 3.2 times as fast', 5);
    const all = await ledger.events(id);
    expect(all.map(({ key, text, at }) => [key, text, at])).toEqual([
      ['start', 'Starting with the baseline', 10],
      ['trial', 'c-1 is 3.2 times as fast', 5],
    ]);
    expect(await ledger.events(id, all[0]?.number)).toEqual(all.slice(1));
    expect(await ledger.events('another job')).toEqual([]);
    await expect(ledger.say('another job', 'k', 't', 1)).rejects.toThrow(
      /expected job another job to be open/,
    );
  });

  it('said by several processes at once are never missed by a reader that follows', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    const { id } = await ledger.openJob(newJob);
    let said = false;
    const saying = together(3, folder, 'say', id).finally(() => {
      said = true;
    });
    const seen: string[] = [];
    let after = 0;
    const follow = async (): Promise<void> => {
      for (const event of await ledger.events(id, after)) {
        seen.push(event.key);
        after = event.number;
      }
    };
    while (!said) {
      await follow();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await saying;
    await follow();
    expect(seen).toHaveLength(150);
    expect(new Set(seen).size).toBe(150);
  });
});
