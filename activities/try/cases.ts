import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { CaseSet } from '../../domain/case-set.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { AnswersJudging, Exam } from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { placeBelow } from '../../domain/tree.ts';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { guest, threads, unbuffered } from './command.ts';
import { hintOn, surroundings } from './missing.ts';
import { outcomeOfEnding, saidBy } from './outcome-of-ending.ts';
import { reasonIn } from './reason.ts';

/** One round's secret inputs, as the workflow knows them. */
export interface PreparedCases {
  caseSet: Artifact;
  /** Revealed with the verdict. */
  seed: string;
  /**
   * The oracle's time for the last case it had to answer. The earlier ones also pay for imports, later ones may
   * be small. 0 where it was not asked.
   */
  oracleMs: number;
  /** The largest expected answer; 0 where there is none. */
  answerBytes: number;
}

export type CaseActivities = ReturnType<typeof createCaseActivities>;

export const createCaseActivities = (context: ActivityContext) => ({
  /**
   * Makes at least `checks` inputs with the oracle's answers and `timings` inputs without, in a sandbox. Nobody can foresee their seed: it
   * is an HMAC of the store's secret and this place. Throws `JobRejected` where the user's generator or function fails.
   */
  async prepareCases({
    exam,
    checks,
    timings,
    moreSeconds,
    ...place
  }: Place & CasesAsked): Promise<PreparedCases> {
    return takeStep(context.store, place, 'cases', ({ signal }) =>
      makeCases(context, place, { exam, checks, timings, moreSeconds }, signal),
    );
  },
});

interface CasesAsked {
  exam: Exam<AnswersJudging>;
  checks: number;
  timings: number;
  /** Seconds in which the original answers more than the `checks`, and the cases at the edges. None for a module: it is tested on so many. */
  moreSeconds?: number | undefined;
}

/** The same, outside of a job's workflow as well. */
export async function makeCases(
  { store, sandbox }: ActivityContext,
  place: Place,
  {
    exam,
    checks,
    timings,
    moreSeconds = exam.module === undefined ? defaults.moreCasesSeconds : 0,
  }: CasesAsked,
  signal: AbortSignal,
): Promise<PreparedCases> {
  const seed = createHmac('sha256', store.secret()).update(stepKey(place)).digest().readUIntBE(0, 6);
  const { generator, oracle, exact, files } = exam.judging;
  const tree = await readTree(store.blobs, files);
  const argv = guest(
    'prepare',
    ...['--generator', `/in/job/${generator.module}:${generator.name}`],
    ...['--oracle', `/in/job/${oracle.module}:${oracle.name}`],
    ...(exact === undefined ? [] : ['--exact', `/in/job/${exact.module}:${exact.name}`]),
    ...['--seed', String(seed), '--count', String(checks + timings), '--oracle-count', String(checks)],
    ...['--more-seconds', String(moreSeconds)],
    ...['--inputs', '/in/job', '--out', '.cases'],
  );
  const ran = await sandbox.run(
    {
      key: stepKey(place),
      label: place.step,
      argv: unbuffered(argv),
      env: threads(exam.cores),
      files: placeBelow('job', tree),
      limits: limitsOf(exam),
      environment: exam.environment,
      outputs: ['.cases/*'],
    },
    signal,
  );
  const problem = ran.outputs['.cases/problem.json'];
  if (problem !== undefined) {
    const found = await readJson(store.blobs, problem, Problem);
    const hint = hintOn(found.message, await surroundings(store, place, exam, Object.keys(tree)));
    throw rejection(found, hint);
  }
  const outcome = outcomeOfEnding(ran.ending, saidBy(ran));
  if (outcome !== null)
    throw new JobRejected(
      `${generator.name} in ${generator.module}, or ${oracle.name} in ${oracle.module} on an input of it, did not get through (${outcome.kind}): ${'reason' in outcome ? outcome.reason : ''}. The field \`limits\` says how much they may use`,
    );
  const made = await readJson(store.blobs, required(ran.outputs, '.cases/cases.json'), Made);
  const answered = made.cases.filter(({ oracleSeconds }) => oracleSeconds !== null);
  const number = (index: number): string => String(index).padStart(3, '0');
  const caseSet: CaseSet = {
    arguments: made.arguments,
    cases: made.cases.map((_, index) => required(ran.outputs, `.cases/case-${number(index)}.frame`)),
    twice: ran.outputs['.cases/twice.frame'] ?? null,
    expected: answered.map((_, index) => ({
      answer: required(ran.outputs, `.cases/expected-${number(index)}.frame`),
      input: ran.outputs[`.cases/expected-${number(index)}.input.frame`] ?? null,
      ...(exact === undefined ? {} : { exact: required(ran.outputs, `.cases/exact-${number(index)}.frame`) }),
    })),
    described: made.cases.map((each) => each.description),
    oracleSeconds: made.cases.flatMap((each) => each.oracleSeconds ?? []),
    seed: String(seed),
  };
  const answers = await Promise.all(caseSet.expected.map(({ answer }) => store.blobs.get(answer)));
  return {
    caseSet: await writeJson(store.blobs, caseSet),
    seed: String(seed),
    oracleMs: (caseSet.oracleSeconds[checks - 1] ?? 0) * 1000,
    answerBytes: Math.max(0, ...answers.map((bytes) => bytes.byteLength)),
  };
}

/** What the case maker reports of itself. */
const Made = z.object({
  arguments: z.array(z.string()),
  cases: z.array(z.object({ description: z.string(), oracleSeconds: z.number().nullable() })).min(1),
});

const Problem = z.object({ kind: z.string(), message: z.string(), where: z.string().nullable() });

/**
 * Returns the rejection: its first line says where, what and why. Then come what the program missed, and the
 * rest of its message.
 */
function rejection({ message, where }: z.infer<typeof Problem>, hint: string | null): JobRejected {
  const [headline = '', ...rest] = message.split('\n');
  const [error = '', ...more] = rest.length === 0 ? [] : reasonIn(rest.join('\n')).split('\n');
  const line = [where, headline.replace(/:$/, ''), error].filter(Boolean).join(': ');
  return new JobRejected([line, ...(hint === null ? [] : [hint]), ...more].join('\n'));
}

function required(outputs: Tree, path: string): Artifact {
  const artifact = outputs[path];
  if (artifact !== undefined) return artifact;
  throw new Error(`the case maker left no ${path}; it left ${Object.keys(outputs).join(', ') || 'nothing'}`);
}
