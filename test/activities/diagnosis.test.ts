import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { type Diagnosis, diagnosisKinds } from '../../domain/diagnosis.schema.ts';
import { fixText } from '../../domain/diagnosis.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { failing, failingJob, programNames, readRecorded, replaying, tried } from '../support/failing.ts';

const recorded = await readRecorded();
const isolation = { kind: 'bubblewrap', memory: 'watched', image: 'core' } as const;

/** What a program of the fixtures came to, by what was recorded of its runs. */
async function outcomeOf(name: string): Promise<Outcome> {
  const store = await temporaryStore();
  return tried(store, replaying(store, isolation, recorded[name] ?? []), name, await failingJob(store, name));
}

const diagnosisOf = (outcome: Outcome): Diagnosis => {
  if (!('reason' in outcome) || outcome.diagnosis === undefined)
    throw new Error(`expected a failure with a diagnosis, got ${JSON.stringify(outcome)}`);
  return outcome.diagnosis;
};

it('every failing program has a row, and was recorded', async () => {
  expect(Object.keys(failing).sort()).toEqual((await programNames()).sort());
  expect(Object.keys(recorded).sort()).toEqual(Object.keys(failing).sort());
});

it.each(Object.entries(failing))('%s is diagnosed as it is', async (name, { kind, fixed = false }) => {
  const diagnosis = diagnosisOf(await outcomeOf(name));
  expect(diagnosis.kind).toBe(kind);
  expect(diagnosis.evidence).not.toBe('');
  expect(diagnosis.suggestion).toMatch(/\S/);
  if (fixed) expect(diagnosis.fix).not.toBeNull();
});

/** Kinds whose programs need a package that a sandbox does not have, or an original that they are compared with. */
const shownElsewhere = ['headlessDisplay', 'differs'];

it('every kind is shown by a program', () => {
  const shown = new Set<string>(Object.values(failing).map(({ kind }) => kind));
  expect(Object.keys(diagnosisKinds).filter((kind) => !shown.has(kind))).toEqual(shownElsewhere);
});

const page = new URL('../../docs/diagnosis.md', import.meta.url);
const mark = '<!-- the table -->';

it('the table in docs/diagnosis.md is what these programs show', async () => {
  const rows: string[] = [];
  for (const [kind, means] of Object.entries(diagnosisKinds)) {
    const [name] = Object.entries(failing).find(([, each]) => each.kind === kind) ?? [];
    if (name === undefined) continue;
    const { evidence, fix } = diagnosisOf(await outcomeOf(name));
    const changed = fix === null ? '' : fixText(fix);
    rows.push(
      `| \`${kind}\` | ${means} | \`${evidence.replaceAll('|', '\\|').replaceAll('`', "'").slice(0, 110)}\` | ${changed} |`,
    );
  }
  const docs = await readFile(page, 'utf8');
  const table = [
    '| Kind | What it is | For example | Without a model |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
  const text = `${docs.split(mark)[0]}${mark}\n\n${table.join('\n')}\n`;
  // CRUCIBLE_RECORD=1 writes it anew.
  if (process.env.CRUCIBLE_RECORD === '1') await writeFile(page, text);
  else expect(docs).toBe(text);
});
