import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMend } from '../../activities/propose/by-fix.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { openStore, type Store } from '../../store/store.ts';
import {
  failing,
  failingJob,
  type Recorded,
  readRecorded,
  recordedFile,
  recording,
  tried,
} from '../support/failing.ts';
import { sandboxKinds } from '../support/sandbox.ts';

let store: Store;
let sandbox: Sandbox;
let home: string;
const recorded: Recorded = {};

beforeAll(async () => {
  const [wanted = 'auto'] = (await sandboxKinds()).kinds;
  home = await mkdtemp(join(tmpdir(), 'crucible-failing-'));
  store = await openStore(join(home, 'store'));
  const root = join(home, 'sandboxes');
  const parts = await toolchain();
  ({ sandbox } = await chooseSandbox({ wanted, blobs: store.blobs, storeId: store.id, root, parts }));
});

afterAll(async () => {
  await sandbox?.sweep({ all: true });
  await store?.close();
  await rm(home, { recursive: true, force: true });
  // CRUCIBLE_RECORD=1 keeps how they ended, for the tests that run none.
  if (process.env.CRUCIBLE_RECORD === '1')
    await writeFile(
      recordedFile,
      `${JSON.stringify({ ...(await readRecorded().catch(() => ({}))), ...recorded }, null, 1)}\n`,
    );
});

/** As many fixes as a search makes in a row. */
const mostFixes = 6;

it.each(Object.entries(failing).filter(([, { fixed }]) => fixed))(
  '%s passes after what may be done without a model',
  async (name) => {
    const mend = createMend({ store, sandbox });
    const given = await failingJob(store, name);
    let { program } = given;
    let outcome = await tried(store, sandbox, name, given);
    for (let count = 0; count < mostFixes && outcome.kind !== 'passed'; count += 1) {
      const fix = 'reason' in outcome ? outcome.diagnosis?.fix : null;
      if (fix?.kind !== 'rewrite') break;
      const place = { storeId: store.id, jobId: name, step: `fix-${count}` };
      const mended = await mend(place, program, fix, new AbortController().signal);
      if (mended.kind === 'unfit') throw new Error(`expected a fix that fits, got: ${mended.reason}`);
      program = mended.program;
      outcome = await tried(store, sandbox, name, { ...given, program });
    }
    expect(outcome).toMatchObject({ kind: 'passed' });
  },
);

it.each(Object.keys(failing))('%s is diagnosed as it is, really run', async (name) => {
  const steps: Recorded[string] = [];
  const outcome = await tried(store, recording(store, sandbox, steps), name, await failingJob(store, name));
  recorded[name] = steps;
  expect(outcome).toMatchObject({ diagnosis: { kind: failing[name]?.kind } });
});
