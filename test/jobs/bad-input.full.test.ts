import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { crucible } from '../support/command.ts';

it('a function that takes less time than it costs to ask it fails its job, with what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-quick-'));
  const home = join(folder, 'home');
  try {
    await cp(fileURLToPath(new URL('../fixtures/bad', import.meta.url)), folder, { recursive: true });
    const job = {
      kind: 'optimize',
      name: 'quick',
      program: 'too_quick.py',
      function: 'total',
      cases: 'cases.py',
    };
    await writeFile(join(folder, 'quick.json'), JSON.stringify(job));
    const said = await crucible(['run', 'quick.json'], { home, folder });
    // A busy machine may take longer for a call than asking costs: then there is nothing faster, which ends the job as well.
    if (said.status === 3) return;
    expect(said.status).toBe(1);
    expect(said.out).toMatch(
      /✗ quick failed: .*total takes [\d.]+ ms, (less than it costs to ask it,|and to ask it costs) [\d.]+ ms.*: give it more work per call/,
    );
  } finally {
    await crucible(['down'], { home });
    await rm(folder, { recursive: true, force: true });
  }
});
