import { describe, expect, it } from 'vitest';
import { choiceText, chosenIn, chosenText, refusedChoice } from '../../domain/choosing.ts';
import type { JournalRow } from '../../domain/journal.ts';
import type { Message } from '../../domain/message.schema.ts';
import type { Objective } from '../../domain/objective.ts';

const ratio: Objective = { kind: 'ratio', atLeast: 1 };
const passes: Objective = { kind: 'passes' };
const interval = (value: number) => ({ value, low: value * 0.9, high: value * 1.1 });

const row = (id: string, more: Partial<JournalRow>): JournalRow => ({
  ...{ id, parents: ['c-0'], operator: 'strategy', title: `idea ${id}`, outcome: 'scored' },
  ...{ metric: null, passed: null, verified: false },
  ...more,
});
const rows = [
  row('c-0', { operator: 'baseline', metric: interval(1) }),
  row('c-1', { metric: interval(5), verified: true }),
  row('c-2', { metric: interval(2) }),
  row('c-3', { metric: interval(1) }),
  row('c-4', { outcome: 'wrong' }),
];

it('the newest choice counts, and what is best where that was chosen again', () => {
  const told = (...messages: Message[]) => chosenIn(messages.map((message) => ({ message })));
  expect(told()).toBeNull();
  const choose = (candidate: string | null): Message => ({ kind: 'choose', candidate });
  expect(told(choose('c-1'), choose('c-2'), { kind: 'pause' })).toBe('c-2');
  expect(told(choose('c-1'), choose(null))).toBeNull();
});

describe('a choice', () => {
  it('is of what is surely better, verified yet or not', () => {
    expect(refusedChoice('c-1', rows, ratio)).toBeNull();
    expect(refusedChoice('c-2', rows, ratio)).toBeNull();
  });

  it.each([
    ['c-0', 'c-0 is the program as it is, which is there already'],
    ['c-3', 'c-3 is right, and not surely better than the program as it is'],
    ['c-4', 'c-4 is not right (wrong answer), and only what is right can be chosen'],
    ['c-40', 'no c-40 was tried; the nearest is c-4'],
  ])('of %s is refused', (candidate, why) => expect(refusedChoice(candidate, rows, ratio)).toBe(why));

  it('of a program that passed some of its checks is refused with how many; one that passed them can be chosen', () => {
    const tried = [
      row('c-1', { outcome: 'invalidOutput', passed: { count: 1, of: 2 } }),
      row('c-2', { outcome: 'passed', passed: { count: 2, of: 2 } }),
    ];
    expect(refusedChoice('c-1', tried, passes)).toBe(
      'c-1 is not right (passed 1 of 2 checks), and only what is right can be chosen',
    );
    expect(refusedChoice('c-2', tried, passes)).toBeNull();
    expect(refusedChoice('c-1', [], passes)).toBe('no c-1 was tried, and nothing else so far');
  });
});

it('what was chosen is told beside what is best, and why the best counts where it does not stand', () => {
  const best = { candidate: 'c-1', title: 'idea c-1', metric: interval(5) };
  expect(choiceText(null, rows, best, ratio)).toBeNull();
  expect(choiceText('c-1', rows, best, ratio)).toBe(
    'c-1 idea c-1 (5×) was chosen by hand, and is the best too',
  );
  expect(choiceText('c-2', rows, best, ratio)).toBe(
    'c-2 idea c-2 was chosen by hand, and was measured only once: the best counts until that holds a second time',
  );
  expect(choiceText('c-4', rows, best, ratio)).toBe(
    'c-4 idea c-4 was chosen by hand, and did not hold: the best counts',
  );
  const chosen = { candidate: 'c-2', title: 'idea c-2', metric: interval(2) };
  expect(chosenText(chosen, best, ratio)).toBe(
    'c-2 idea c-2 (2×) was chosen by hand; the best is c-1 idea c-1 (5×)',
  );
});
