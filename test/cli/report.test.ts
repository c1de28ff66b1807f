import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { report } from '../../cli/follow/report.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { closeJob, openJob, recorded } from './kept-jobs.ts';

it('a report is written once there is one, over an earlier one, and over nothing else', async () => {
  const store = await temporaryStore();
  const out = join(await temporaryFolder(), 'a.html');
  const input = await openJob(store, { kind: 'solve', name: 'a', script: 'a.py' }, { id: 'solve/a/x.1' });
  const { context, lines } = recorded(store);
  const ask = { job: 'a', out, force: false };
  await expect(report(context, ask)).rejects.toThrow(/no report yet: it is written when the job ends/);
  await closeJob(store, input, { summary: 'done' });
  await expect(report(context, ask)).rejects.toThrow(/ended as finished before one was written/);

  await store.ledger.keepReport(input.jobId, await store.blobs.put('<!doctype html>first'));
  await report(context, ask);
  await store.ledger.keepReport(input.jobId, await store.blobs.put('<!doctype html>second'));
  await report(context, ask);
  expect(lines).toEqual([out, out]);
  expect(await readFile(out, 'utf8')).toBe('<!doctype html>second');

  await writeFile(out, 'somebody wrote this');
  await expect(report(context, ask)).rejects.toThrow(/is not a report of this store.*--force/);
  expect(await readFile(out, 'utf8')).toBe('somebody wrote this');
  const json = recorded(store, { json: true });
  await report(json.context, { ...ask, force: true });
  expect(JSON.parse(json.lines[0] ?? '')).toEqual({ job: 'solve/a/x.1', path: out });
  expect(await readFile(out, 'utf8')).toBe('<!doctype html>second');
  await expect(report(context, { ...ask, out: join(out, 'below') })).rejects.toThrow(/below/);
});
