import { expect, it } from 'vitest';
import { startVerification } from '../../cli/keep/verify.ts';
import { readTree } from '../../store/documents.ts';
import { crucible, patienceMs, server } from '../support/asked-crucible.ts';
import { ended, guess, reply } from './score-jobs.ts';

it(
  'a script is improved by its score until the budget is used; what is not surely better is not verified; the best is tried again later',
  async () => {
    // Two runs whose scores differ by up to one leave an interval of some ten: 40 is not clear of 50, 2 is.
    server.answers = [
      reply('a little nearer', guess(49.9)),
      reply('an error', 'raise SystemExit("no idea")\n'),
      reply('much nearer', guess(0).replace('% 1000 / 1000', '% 2 * 0')),
    ];
    const { store, client } = crucible;
    const { record, summary, trials } = await ended('improved', { outputs: ['guess.txt'] });
    expect(summary).toMatch(
      /^c-3 much nearer has error 0, where guess.py has error 50.* ± .*; 3 tried, 2 scored;/,
    );
    expect(trials.map(({ candidate, purpose, outcome }) => [candidate.id, purpose, outcome.kind])).toEqual([
      ['c-0', 'baseline', 'scored'],
      ['c-1', 'trial', 'scored'],
      ['c-2', 'trial', 'crashed'],
      ['c-3', 'trial', 'scored'],
      ['c-3', 'verification', 'scored'],
    ]);
    const seeds = trials.flatMap((trial) => trial.seeds.flatMap((each) => each.match(/\d+/g) ?? []));
    expect([seeds.length, new Set(seeds).size]).toEqual([16, 16]);
    const product = await readTree(store.blobs, record.result?.product ?? '');
    expect(Object.keys(product)).toEqual(['guess.txt']);
    expect(await store.blobs.text(product['guess.txt'] ?? '')).toBe('100');
    const asked = JSON.stringify(server.requests[0]?.body.messages);
    expect(asked).toContain('the score, error: the smaller the better');
    expect(asked).not.toContain('beyond all bounds');

    const id = await startVerification(store, client, record);
    await client.result(id);
    const verified = await store.ledger.job(id);
    expect(verified?.result?.summary).toBe('much nearer holds: error 0 with new seeds');
  },
  patienceMs,
);

it(
  'a bound that is broken, and an assertion, refuse a program; a goal ends the search',
  async () => {
    server.answers = [
      reply('long', "open('guess.txt', 'w').write('100.1234')\n"),
      reply('far', "open('guess.txt', 'w').write('1e9')\n"),
      reply('near', "open('guess.txt', 'w').write('101')\n"),
      reply('never asked for', guess(0)),
    ];
    const objective = {
      ...{ metric: 'error', direction: 'minimize', check: 'evaluate.py', repeats: 1, goal: 2 },
      constraints: { digits: { max: 7 } },
    };
    const { summary, trials } = await ended('bounded', {
      ...{ objective, script: undefined, task: 'Guess.', budget: { trials: 9 } },
    });
    expect(
      trials.map(({ outcome }) =>
        'reason' in outcome ? outcome.reason : outcome.kind === 'scored' ? outcome.metric : null,
      ),
    ).toEqual([
      expect.stringContaining('digits is 8: at most 7 is allowed (error is 0.1234)'),
      expect.stringContaining('1000000000.0 is beyond all bounds'),
      ...[1, 1].map((value) => ({ value, low: value, high: value })),
    ]);
    expect(summary).toBe(
      'c-3 near has error 1; 3 tried, 1 scored; stopped because the goal of error 2 is met',
    );
  },
  patienceMs,
);
