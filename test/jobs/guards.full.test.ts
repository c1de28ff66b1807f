import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sandboxKinds } from '../support/sandbox.ts';
import { openTrials } from '../support/trial.ts';
import { fixtures, functionJob } from './cheats.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`guards are not switched off in ${line}`);

type Edit = [file: string, from: string, to: string];

const values: Edit = ['comparing.py', 'if not right.all():', 'if False:'];
const constants: Edit[] = [
  ['comparing.py', 'if other.constant and varies(', 'if False and varies('],
  ['comparing.py', 'and got.count > 1 and got.constant', 'and False'],
];

/** A guard of the grader or of the maker of cases, the edit that switches it off, and the cheats that nothing else stops. */
const guards: { guard: string; edits: Edit[]; cheats: string[]; folder?: string; job?: object }[] = [
  {
    guard: 'numbers are compared within the tolerance',
    edits: [values],
    cheats: ['left_over_memory', 'every_third', 'wrong_beyond_three', 'one_behind'],
  },
  {
    guard: 'one number everywhere is no answer',
    edits: [values, ...constants],
    cheats: ['constant', 'right_when_small', 'prints_a_score', 'replaces_the_guest'],
  },
  {
    guard: 'one number everywhere is no answer, however large the tolerance',
    edits: constants,
    cheats: ['constant'],
    job: { tolerance: { relative: 0, absolute: 1e6 }, answers: 'equal' },
  },
  {
    guard: 'NaN is wrong where a number is expected',
    edits: [
      [
        'comparing.py',
        '| _both_alike(expected, got, finite)',
        '| _both_alike(expected, got, finite) | np.isnan(got)',
      ],
    ],
    cheats: ['not_a_number'],
  },
  {
    guard: 'layout and what can be written to are of the contract',
    edits: [['comparing.py', '        if self.exact:\n', '        if False:\n']],
    cheats: ['read_only', 'every_second'],
  },
  {
    guard: 'how near to zero numbers may be off follows their scale',
    edits: [
      ['comparing.py', 'absolute = _NEAR_ZERO * self.tolerance.relative * spread.scale', 'absolute = 1e-9'],
    ],
    cheats: ['half_of_them'],
    folder: 'tiny',
  },
  {
    guard: 'one input is asked twice',
    edits: [['grade.py', "    if 'shares' not in expected:\n", '    if True:\n']],
    cheats: [
      'fills_the_same_memory',
      'fills_the_same_memory_later',
      'switches_collection_off',
      'silences_errors',
    ],
  },
  {
    guard: 'arguments are compared as well',
    edits: [['grade.py', 'if after is not before or left is not before:', 'if False:']],
    cheats: ['changes_its_input'],
  },
];

/** Returns a copy of the guest's Python with edits, each of a text that stands there once. */
async function guestWith(edits: readonly Edit[], folder: string): Promise<string> {
  const guest = join(folder, 'guest');
  await cp(fileURLToPath(new URL('../../sandbox/guest', import.meta.url)), guest, { recursive: true });
  for (const [file, from, to] of edits) {
    const text = await readFile(join(guest, file), 'utf8');
    if (text.split(from).length !== 2)
      throw new Error(
        `expected ${JSON.stringify(from)} once in ${file}, found ${text.split(from).length - 1}`,
      );
    await writeFile(join(guest, file), text.replace(from, to));
  }
  return guest;
}

describe.each(kinds.slice(0, 1))('with a guard switched off, in %s', (kind) => {
  test.each(guards)('$guard: without it $cheats get through', async ({ edits, cheats, folder, job }) => {
    const own = await mkdtemp(join(tmpdir(), 'crucible-guards-'));
    const trials = await openTrials(
      kind,
      fixtures(folder ?? 'function'),
      { ...functionJob, ...job },
      { guest: await guestWith(edits, own) },
    );
    try {
      for (const cheat of cheats)
        expect((await trials.try(`${cheat}.py`)).outcome, cheat).toMatchObject({ kind: 'scored' });
    } finally {
      await trials.close();
      await rm(own, { recursive: true, force: true });
    }
  });

  test('every timed input is new: else who remembers answers is as fast as asking is', async () => {
    const own = await mkdtemp(join(tmpdir(), 'crucible-guards-'));
    const sameAgain: Edit = [
      'prepare.py',
      'frame = _make_unseen_case(generator, secret, index, seen, indices.stop)',
      'frame = _make_case(generator, secret, indices.start)',
    ];
    const guest = await guestWith([sameAgain], own);
    const trials = await openTrials(kind, fixtures('function'), functionJob, { guest });
    try {
      const { outcome } = await trials.try('remembers_and_is_a_little_faster.py');
      if (outcome.kind !== 'scored') expect.fail(`expected a score, got ${JSON.stringify(outcome)}`);
      expect(outcome.metric.low).toBeGreaterThan(2);
    } finally {
      await trials.close();
      await rm(own, { recursive: true, force: true });
    }
  });

  test.each([
    ['run', 'right_when_timed'],
    ['timed', 'right_at_first'],
    ['timed', 'right_beside_no_baseline'],
  ] as const)('what is %s is graded: else who is %s gets through', async (ungraded, cheat) => {
    const trials = await openTrials(kind, fixtures('function'), functionJob, { ungraded });
    try {
      expect((await trials.try(`${cheat}.py`)).outcome).toMatchObject({ kind: 'scored' });
    } finally {
      await trials.close();
    }
  });
});
