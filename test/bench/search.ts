import type { NextDecision } from '../../domain/decision.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { JournalRow } from '../../domain/journal.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { best, type Objective } from '../../domain/objective.ts';
import { randomStream } from '../../domain/random.ts';
import { draftsWithin, policies, type SearchPolicy } from '../../domain/search-policy.ts';

/** Trials after which the gain is looked at. */
const lookedAt = [2, 4, 8, 16, 32];
const worlds = 400;

/** The policy of a job that names none. */
export const defaultPolicy = OptimizeJob.parse({
  kind: 'optimize',
  name: 'a',
  program: 'a.py',
}).policy;

/** A program of a world: its true speed-up, null where it fails, and the most that its approach can reach. */
interface Made {
  speed: number | null;
  share: number;
  ceiling: number;
}

/**
 * A world is a table of all that models would answer: the n-th draft, and the n-th child of each program. Every policy meets the same answers to
 * the same questions. The shares are assumptions: a third of the drafts fail, half of the failures are mended in one step, one improvement in
 * ten finds another approach.
 */
function worldOf(seed: number): (question: string, parent: Made | null) => Made {
  return (question, parent) => {
    const random = randomStream(hashOf(`${seed} ${question}`));
    const drawn = [random(), random(), random(), random()] as const;
    const another = parent === null || (parent.speed !== null && drawn[3] < 0.1);
    const ceiling = another ? 3 * Math.exp(1.5 * (drawn[1] + drawn[2] - 1)) : parent.ceiling;
    const share = another
      ? 0.2 + 0.6 * drawn[2]
      : parent.speed === null
        ? parent.share
        : Math.min(1, parent.share + (1 - parent.share) * (0.9 * drawn[2] - 0.3));
    const fails = drawn[0] < (parent === null ? 0.35 : parent.speed === null ? 0.5 : 0.25);
    return { speed: fails ? null : Math.max(0.3, ceiling * share), share, ceiling };
  };
}

/** FNV-1a, in 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return hash;
}

const objective: Objective = { kind: 'ratio', atLeast: 1 };

const baseline: JournalRow = {
  ...{ id: 'c-0', parents: [], operator: 'baseline', title: 'as it is', outcome: 'scored', passed: null },
  ...{ metric: { value: 1, low: 1, high: 1 }, verified: false },
};

/** Returns the true speed-up of the best after each number of trials, from 0 on. */
function searched(policy: SearchPolicy, seed: number, trials: number): number[] {
  const ask = worldOf(seed);
  const made = new Map<string, Made>();
  const asked = new Map<string, number>();
  const journal: JournalRow[] = [baseline];
  const gains = [1];
  for (let decisions = 0; gains.length <= trials; decisions++) {
    const decision = policy({
      ...{ journal, objective, pending: [], trials, strategies: [], models: true },
      ...{ drafts: draftsWithin(trials), inVain: [], seed, decisions },
    });
    if (decision.kind === 'stop' || decision.kind === 'wait') break;
    const parent = parentOf(decision);
    const place = `${decision.kind} ${parent ?? ''}`;
    const times = asked.get(place) ?? 0;
    asked.set(place, times + 1);
    const id = `c-${journal.length}`;
    const program = ask(
      // A child is told by its line of descent, not by the number it happens to have here.
      `${decision.kind} ${times} of ${parent === null ? '' : lineOf(journal, parent)}`,
      parent === null ? null : (made.get(parent) ?? null),
    );
    made.set(id, program);
    journal.push(rowOf(id, decision, parent, times, program));
    gains.push(made.get(best(journal, objective)?.id ?? '')?.speed ?? 1);
  }
  return gains;
}

const parentOf = (decision: NextDecision): string | null =>
  decision.kind === 'debug'
    ? decision.parent
    : decision.kind === 'improve'
      ? (decision.parents[0] ?? null)
      : null;

/** The questions that led to a program, as they stand in its titles. */
function lineOf(journal: readonly JournalRow[], id: string): string {
  const row = journal.find((each) => each.id === id);
  if (row === undefined || row.operator === 'baseline') return '';
  return `${row.title} < ${row.parents.map((parent) => lineOf(journal, parent)).join()}`;
}

function rowOf(
  id: string,
  { kind }: NextDecision,
  parent: string | null,
  times: number,
  { speed }: Made,
): JournalRow {
  const operator: JournalRow['operator'] = kind === 'debug' || kind === 'improve' ? kind : 'draft';
  const common = { id, parents: [parent ?? 'c-0'], operator, title: `${kind} ${times}`, passed: null };
  return speed === null
    ? { ...common, outcome: 'wrong', metric: null, verified: false, failure: id }
    : {
        ...{ ...common, outcome: 'scored', verified: speed > 1.05 },
        metric: { value: speed, low: speed * 0.95, high: speed * 1.05 },
      };
}

/** Returns, for each policy, the geometric mean of what it gained in all worlds after so many trials. */
export function compared(): Record<string, Record<number, number>> {
  const most = Math.max(...lookedAt);
  return Object.fromEntries(
    Object.entries(policies).map(([name, policy]) => {
      const all = Array.from({ length: worlds }, (_, seed) => searched(policy, seed + 1, most));
      const at = (trials: number): number =>
        Math.exp(
          all.reduce((sum, gains) => sum + Math.log(gains[trials] ?? gains.at(-1) ?? 1), 0) / all.length,
        );
      return [name, Object.fromEntries(lookedAt.map((trials) => [trials, Number(at(trials).toFixed(3))]))];
    }),
  );
}

/** Returns the policy that gained most within the trials a job has by default. */
export function winnerOf(found: ReturnType<typeof compared>): string {
  const trials = lookedAt.findLast((each) => each <= defaults.trials) ?? lookedAt[0] ?? 2;
  return Object.entries(found).reduce((one, other) =>
    (other[1][trials] ?? 0) > (one[1][trials] ?? 0) ? other : one,
  )[0];
}

/** Policies in the same recorded worlds: what each has gained after so many trials. */
export async function run(): Promise<void> {
  const found = compared();
  console.log(`policy   ${lookedAt.map((each) => `${each} trials`.padStart(10)).join('')}`);
  for (const [name, gains] of Object.entries(found))
    console.log(
      `${name.padEnd(9)}${lookedAt.map((each) => `${(gains[each] ?? 1).toFixed(2)}×`.padStart(10)).join('')}`,
    );
  console.log(
    JSON.stringify({ name: 'search', worlds, gains: found, winner: winnerOf(found), default: defaultPolicy }),
  );
}
