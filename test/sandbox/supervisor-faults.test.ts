import { expect, test } from 'vitest';
import { openTestSandbox, sandboxKinds } from '../support/sandbox.ts';
import { tryFaults } from './faults/try-faults.ts';

const { kinds } = await sandboxKinds();
const hasBubblewrap = await openTestSandbox('bubblewrap').then(
  (opened) => opened.close().then(() => true),
  () => false,
);

test.skipIf(!hasBubblewrap)(
  'a supervisor on the host never holds against a program that a system call of its own failed, at any place',
  async () => {
    const { held, told } = await tryFaults('bubblewrap', /^/);
    expect(held).toEqual([]);
    expect(told.size).toBeGreaterThan(120);
    const said = [...told.entries()].filter(([place]) => /^init.c.* open$/.test(place));
    expect(said[0]?.[1]).toContain(
      'in the sandbox of program serving: cannot open /dev/null: Input/output error',
    );
  },
  400_000,
);

// The other places are the same code as on the host; the full tier tries them all.
test.skipIf(!kinds.includes('docker'))(
  'a supervisor in a container never holds it against a program, either, where it starts and ends programs',
  async () => {
    const { held, told } = await tryFaults('docker', /^(container|launch|cell)\.c/);
    expect(held).toEqual([]);
    expect(told.size).toBeGreaterThan(30);
  },
  400_000,
);
