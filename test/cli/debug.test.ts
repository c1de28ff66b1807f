import { describe, expect, it } from 'vitest';
import { debug } from '../../cli/debug/debug.ts';
import { readTrouble, troubleLines, waysOn } from '../../cli/debug/screen.ts';
import { readJob } from '../../record/kept-job.ts';
import type { Store } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryHome, temporaryStore } from '../store/temporary-store.ts';
import { onTerminal } from '../support/on-terminal.ts';
import { closeJob, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';

const id = 'solve/sum/1.1';
const text = Array.from({ length: 30 }, (_, index) => `line_${index + 1} = ${index}`).join('\n');

/** A job whose second program failed in its line 17, and which waits or has ended. */
async function troubled(store: Store, { waits }: { waits: boolean }): Promise<void> {
  const input = await openJob(
    store,
    { kind: 'solve', name: 'sum', task: 'Sum the rows.', outputs: ['out.json'], on_failure: 'wait' },
    { id },
  );
  const program = await storeProgram(store, {
    files: await tree(store, { 'main.py': text }),
    entry: { kind: 'script', path: 'main.py', args: [] },
    build: null,
  });
  for (const candidate of ['c-1', 'c-2'])
    await recordTrial(
      store,
      id,
      { id: candidate, title: `idea of ${candidate}`, program, operator: 'draft' },
      {
        kind: 'crashed',
        reason: 'main.py:17 in <module>: KeyError: \u001b[31mamount',
        diagnosis: {
          kind: 'missingKey',
          evidence: "KeyError: 'amount'",
          place: { path: 'main.py', line: 17, within: null },
          suggestion: 'Look what keys there are.',
          fix: null,
        },
      },
    );
  if (waits)
    await store.ledger.takeMessage(id, {
      id: 'w',
      message: { kind: 'wait', why: 'not solved in 2', tried: 2 },
      at: Date.now(),
    });
  else await closeJob(store, input, { status: 'failed', summary: 'not solved in 2' });
}

describe('a job that needs a person', () => {
  it.each([[true], [false]])(
    'is shown with the line that failed, the diagnosis and what may be done; waits: %s',
    async (waits) => {
      const store = await temporaryStore();
      await troubled(store, { waits });
      const { context, lines } = recorded(store, { columns: 72 });
      const given = { config: readConfig({}), context, signal: new AbortController().signal };
      await debug(given, 'sum');
      const shown = lines.join('\n');
      expect(shown).toContain(waits ? 'waits for a person: not solved in 2' : 'not solved in 2');
      expect(shown).toContain('c-1 idea of c-1: crashed');
      expect(shown).toContain('missingKey: a key, or a column, that is not there, at main.py:17');
      expect(shown).toContain('Look what keys there are.');
      const code = lines.filter((line) => /^[> ] +\d+ {2}line_/.test(line));
      expect(code.map((line) => Number(line.slice(2, 6)))).toEqual([13, 14, 15, 16, 17, 18, 19, 20, 21]);
      expect(code.filter((line) => line.startsWith('>'))).toEqual(['>   17  line_17 = 16']);
      expect(shown).toContain(`crucible hint ${id} TEXT`);
      expect(shown.includes(`crucible choose ${id} CANDIDATE`)).toBe(waits);
      expect(shown.includes(`crucible resume ${id} `)).toBe(!waits);
      expect(shown).not.toContain('\u001b');
    },
  );

  it('has lines that are no wider than the screen, and a key for each way on', async () => {
    const store = await temporaryStore();
    await troubled(store, { waits: true });
    const record = (await store.ledger.job(id)) ?? expect.fail();
    const trouble = await readTrouble(store.blobs, await readJob(store, record));
    for (const line of troubleLines({ terminal: false, columns: 40 }, trouble).slice(1))
      expect(line.length).toBeLessThanOrEqual(40);
    expect(waysOn(trouble).map(({ key }) => key.split(' ')[0])).toEqual(['h', 't', 'e', 'c', 'd', 'l']);
  });

  it('is worked on by keys on a terminal: what was shown is shown again, and a wrong key is told the others', async () => {
    const { store, home } = await temporaryHome();
    await troubled(store, { waits: true });
    const { shown, status, left } = await onTerminal(
      ['debug', 'sum'],
      [
        ['sum> ', 'x\r'],
        ['expected one of h', '\r'],
        ['>   17  line_17', 'd\r'],
        ['d: expected a candidate', 'q\r'],
      ],
      { home, folder: home },
    );
    expect({ status, left }).toEqual({ status: 0, left: [] });
    expect(shown).toContain('Enter looks again, q leaves');
    expect(shown).not.toContain(`crucible hint ${id} TEXT`);
  });

  it('is refused where it is finished: there is nothing to mend', async () => {
    const store = await temporaryStore();
    const input = await openJob(
      store,
      { kind: 'solve', name: 'sum', task: 'Sum.', outputs: ['a.json'] },
      { id },
    );
    await closeJob(store, input, { summary: 'solved in 1' });
    const { context } = recorded(store);
    const given = { config: readConfig({}), context, signal: new AbortController().signal };
    await expect(debug(given, 'sum')).rejects.toThrow(/sum\/1\.1 is finished: there is nothing to mend/);
  });
});
