import { expect, test } from 'vitest';
import { sandboxKinds } from '../support/sandbox.ts';
import { tryFaults } from './faults/try-faults.ts';

const { kinds } = await sandboxKinds();

test.each(kinds)(
  'a supervisor in %s never holds against a program that a system call of its own failed, at any place',
  async (kind) => {
    const { held, told } = await tryFaults(kind, /^/);
    expect(held).toEqual([]);
    expect(told.size).toBeGreaterThan(100);
  },
);
