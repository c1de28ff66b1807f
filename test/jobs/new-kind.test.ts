import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyHouse, mistakesIn, moveIn } from '../support/new-kind.ts';

const patienceMs = 600_000;
let around: string;
let house: string;

beforeAll(async () => {
  around = await mkdtemp(join(tmpdir(), 'crucible-house-'));
  house = join(around, 'house');
  await copyHouse(house);
}, patienceMs);

afterAll(() => rm(around, { recursive: true, force: true }));

it(
  'a kind of job needs its schema, its row, its workflow and its question, and the compiler says where one is lacking',
  async () => {
    await moveIn(house, ['schema']);
    const lacking = await mistakesIn(house);
    expect(lacking.map((line) => line.split('(')[0])).toContain('domain/kinds/kinds.ts');
    expect(lacking.join('\n')).toContain("Property 'count' is missing");
    const elsewhere = lacking.filter((line) => !/^(domain\/kinds\/kinds|workflows\/count)\.ts/.test(line));
    expect(elsewhere).toEqual([]);
    await moveIn(house, ['row', 'workflow', 'question']);
    expect(await mistakesIn(house)).toEqual([]);
  },
  patienceMs,
);
