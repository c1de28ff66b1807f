import { dirname, join } from 'node:path/posix';
import { log } from '@temporalio/activity';
import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { Limits } from '../../domain/limits.schema.ts';
import { Build, type Program } from '../../domain/program.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { MadePrograms, type StrategyList } from '../../domain/strategies.schema.ts';
import { combined, notUsed, notUsedText, withoutAny } from '../../domain/strategies.ts';
import { strategyNames } from '../../domain/strategy-names.ts';
import { placeBelow } from '../../domain/tree.ts';
import { headline } from '../../domain/trial.ts';
import type { RunResult } from '../../sandbox/sandbox.ts';
import { readJson, readProgram, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { python, threads } from '../try/command.ts';
import { outcomeOfEnding, saidBy } from '../try/outcome-of-ending.ts';
import { programsOf } from './sandbox-programs.ts';

/**
 * What is read to make a program faster. `record` is what was observed of it, `environment` the packages of its
 * own.
 */
interface Read extends Place {
  job: OptimizeJob;
  sample: Artifact | null;
  environment?: Exam['environment'];
  record?: Artifact | null;
}

/** What strategies are listed for; `models`: whether some can be asked instead. */
type ListAsked = Read & { program: Artifact; models: boolean };

export type StrategyActivities = ReturnType<typeof createStrategyActivities>;

/** Where what is found goes to: `say` is for people, `fault` for whoever mends Crucible. */
interface Hearing {
  say(step: string, text: string): Promise<void>;
  fault(text: string): void;
}

/** The mechanical strategies, also outside of a job's workflow: they run in the sandbox, for they read the user's program. */
export const createStrategies = ({ store, sandbox }: ActivityContext) => {
  /** Runs `strategies.py`, or `observe.py`, on the program and its sample case. */
  async function runStrategies(
    { job, program, sample, environment, record = null, ...place }: Read & { program: Program },
    script: 'strategies' | 'observe',
    args: string[],
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { entry, files } = program;
    const frame = await caseOf(sample);
    return sandbox.run(
      {
        key: script === 'observe' ? `${stepKey(place)}/observe` : stepKey(place),
        label: place.step,
        argv: [
          ...[python, '-I', '-B', `/in/strategies/${script}.py`, ...args],
          ...(entry.kind === 'function'
            ? ['--module', `/in/program/${entry.module}`, '--function', entry.name]
            : ['--script', `/in/program/${entry.path}`]),
          ...(frame === undefined ? [] : ['--case', '/in/case.frame']),
          ...(record === null ? [] : ['--record', '/in/record.json']),
        ],
        env: threads(job.cores),
        files: {
          ...placeBelow('strategies', await programsOf('strategies', store.blobs)),
          ...placeBelow('program', files),
          ...(frame === undefined ? {} : { 'case.frame': frame }),
          ...(record === null ? {} : { 'record.json': record }),
        },
        // What the program may use says nothing of what it takes to read it, and to compile its loops.
        limits: script === 'observe' ? job.limits : Limits.parse({}),
        environment,
        outputs: ['out/**'],
      },
      signal,
    );
  }

  async function caseOf(sample: Artifact | null): Promise<Artifact | undefined> {
    return sample === null ? undefined : (await readJson(store.blobs, sample, CaseSet)).cases[0];
  }

  /** Returns what was observed of the program on its sample case; null, said in the log, where it came to no end. */
  async function observe(
    read: Read & { program: Program },
    signal: AbortSignal,
    { say }: Pick<Hearing, 'say'>,
  ): Promise<Artifact | null> {
    if (read.program.entry.kind !== 'function' || (await caseOf(read.sample)) === undefined) return null;
    const ran = await runStrategies(read, 'observe', ['--out', 'out'], signal);
    const record = ran.outputs['out/record.json'];
    if (record !== undefined) return record;
    const outcome = outcomeOfEnding(ran.ending, saidBy(ran));
    const why = outcome !== null && 'reason' in outcome ? headline(outcome.reason) : 'it left no record';
    const text = `${pathOf(read.program)} could not be observed, so its loops are not compiled one by one: ${why}`;
    await say('/observe', text.slice(0, longestReason));
    return null;
  }

  /** Returns the program that a strategy left in a folder of its outputs. */
  async function afterOf(before: Program, outputs: Tree, folder: string): Promise<MadePrograms[string]> {
    const left = Object.entries(outputs)
      .filter(([path]) => path.startsWith(folder))
      .map(([path, artifact]) => [path.slice(folder.length), artifact] as const);
    const { 'program.json': written, ...files } = Object.fromEntries(left);
    if (written === undefined) throw new Error(`${folder} has no program.json`);
    const { entry, build, note } = await readJson(store.blobs, written, WrittenProgram);
    // It stays in its folder: it may import modules, or look for files, beside itself.
    const beside = dirname(before.entry.kind === 'script' ? before.entry.path : before.entry.module);
    const after: Program = {
      files: {
        ...before.files,
        ...Object.fromEntries(Object.entries(files).map(([path, each]) => [join(beside, path), each])),
      },
      entry:
        before.entry.kind === 'function'
          ? { ...before.entry, module: join(beside, entry) }
          : { ...before.entry, path: join(beside, entry) },
      build: build && { ...build, sources: build.sources.map((path) => join(beside, path)) },
    };
    return { note, program: await writeJson(store.blobs, after) };
  }

  /** Returns the programs that were made when strategies were listed. */
  async function madeOf(
    before: Program,
    outputs: Tree,
    applicable: z.infer<typeof Listed>['applicable'],
  ): Promise<MadePrograms> {
    const found: MadePrograms = {};
    for (const { strategies, made } of applicable)
      if (made !== undefined) found[combined(strategies)] = await afterOf(before, outputs, `out/${made}/`);
    return found;
  }

  /** Lists the strategies for a program, alone and combined, in the order worth trying, and why others do not apply. */
  async function list(
    { program, models, ...read }: ListAsked,
    signal: AbortSignal,
    { say, fault }: Hearing,
  ): Promise<StrategyList> {
    const { job } = read;
    const before = await readProgram(store.blobs, program);
    const record = await observe({ ...read, program: before }, signal, { say });
    const ran = await runStrategies(
      { ...read, record, program: before },
      'strategies',
      ['--list', '--out', 'out', ...toleranceOf(job)],
      signal,
    );
    const written = ran.outputs['out/strategies.json'];
    const { known, applicable, refused, crashed } =
      written === undefined ? brokenList(ran) : await readJson(store.blobs, written, Listed);
    for (const [traceback, failed] of Map.groupBy(crashed, (each) => each.traceback)) {
      const names = failed.map(({ strategies }) => combined(strategies)).join(', ');
      fault(`strategies failed on ${pathOf(before)}: ${names}: ${traceback}`);
    }
    const named: readonly string[] = job.strategies;
    const allowed = (names: readonly string[]): boolean => names.every((each) => named.includes(each));
    const worthTrying = applicable.map((each) => each.strategies).filter(allowed);
    const left = known.filter((each) => !allowed([each]));
    const list: StrategyList = {
      applicable: worthTrying.map(combined),
      notUsed: [
        ...notUsed(
          [
            ...refused.map(({ strategies, reasons }) => ({
              strategies,
              reasons: reasons.map((each) => ({
                text: reasonText(before, each),
                edit: each.edit ?? null,
              })),
            })),
            ...crashed.map(({ strategies, traceback }) => ({
              strategies,
              reasons: [
                {
                  text: `failed, by a mistake in Crucible and not in ${pathOf(before)}: ${lastLine(traceback)}`,
                },
              ],
            })),
          ].filter(({ strategies }) => allowed(strategies)),
          worthTrying,
          known.filter((each) => allowed([each])),
        ),
        ...(left.length === 0 ? [] : [{ strategies: left, reason: 'not among the `strategies` of the job' }]),
      ],
      ...(record === null ? {} : { record }),
    };
    const made = await madeOf(before, ran.outputs, applicable);
    if (Object.keys(made).length > 0) list.made = await writeJson(store.blobs, made);
    const said = [
      list.applicable.length > 0
        ? `strategies that apply: ${list.applicable.join(', ')}`
        : `no strategy applies${models ? '; models are asked' : `: ${withoutAny}`}`,
      ...list.notUsed.map((each) => `not used: ${notUsedText(each)}`),
    ];
    for (const [number, text] of said.entries()) await say(`/${number}`, text);
    return list;
  }

  return { list, runStrategies, afterOf };
};

/** The mechanical strategies as activities. */
export const createStrategyActivities = (context: ActivityContext) => {
  const { store } = context;
  const { list, runStrategies, afterOf } = createStrategies(context);

  return {
    /**
     * The strategies, alone and combined, that apply to a program, in the order worth trying, and why others do not. Both are
     * said in the job's log. A strategy that fails itself is our mistake: it is logged, and the others are used.
     */
    async listStrategies(asked: ListAsked): Promise<StrategyList> {
      return takeStep(store, asked, 'strategies', ({ signal }) =>
        list(asked, signal, {
          say: (step, text) => store.ledger.say(asked.jobId, `${stepKey(asked)}${step}`, text, Date.now()),
          fault: (text) => log.error(text),
        }),
      );
    },

    /**
     * The program after a strategy or a combination. It is the one that was made when they were listed, or a
     * new one. Null where it turns out not to apply.
     */
    async proposeByStrategy({
      id,
      strategy,
      program,
      made,
      ...read
    }: Read & {
      id: string;
      strategy: string;
      program: Artifact;
      made?: Artifact | null;
    }): Promise<Candidate | null> {
      const { job: _job, sample: _sample, environment: _environment, record: _record, ...place } = read;
      const candidate = (after: MadePrograms[string]): Candidate => ({
        ...{ id, parents: ['c-0'], operator: 'strategy', title: strategy, ...after },
      });
      return takeStep(store, place, 'propose', async ({ signal }) => {
        const known = made ? (await readJson(store.blobs, made, MadePrograms))[strategy] : undefined;
        if (known !== undefined) return candidate(known);
        const before = await readProgram(store.blobs, program);
        const ran = await runStrategies(
          { ...read, program: before },
          'strategies',
          ['--strategies', strategy.split(' + ').join(','), '--out', 'out'],
          signal,
        );
        const problem = ran.outputs['out/problem.json'];
        if (problem !== undefined) {
          const { reasons } = await readJson(store.blobs, problem, NotApplicable);
          const why = reasons.map((each) => reasonText(before, each)).join('; ');
          const text = `${id} ${strategy}: does not apply: ${why}`;
          await store.ledger.say(place.jobId, stepKey(place), text, Date.now());
          return null;
        }
        const written = ran.outputs['out/program.json'];
        if (written === undefined)
          throw new Error(
            `the strategy ${strategy} ended as ${ran.ending.kind} and left no program: ${ran.stderr.tail}`,
          );
        return candidate(await afterOf(before, ran.outputs, 'out/'));
      });
    },
  };
};

/** What `strategies.py` writes. */
const Names = z.array(z.string());
const Reason = z.object({
  line: z.number().nullable(),
  message: z.string(),
  edit: z.string().max(200).nullish(),
});
const Listed = z.object({
  known: Names,
  applicable: z.array(z.object({ strategies: Names, made: z.string().optional() })),
  refused: z.array(z.object({ strategies: Names, reasons: z.array(Reason) })),
  crashed: z.array(z.object({ strategies: Names, traceback: z.string() })),
});
const WrittenProgram = z.object({ entry: z.string(), build: Build.nullable(), note: z.string().max(500) });
const NotApplicable = z.object({ reasons: z.array(Reason) });

/**
 * Returns a list for when `strategies.py` itself came to no end. None can be used, and that is no fault of the
 * program.
 */
function brokenList(ran: RunResult): z.infer<typeof Listed> {
  const outcome = outcomeOfEnding(ran.ending, saidBy(ran));
  if (outcome === null || !('reason' in outcome))
    throw new Error(`listing strategies left no list: ${ran.stderr.tail}`);
  const known = [...strategyNames];
  return {
    known,
    applicable: [],
    refused: [],
    crashed: known.map((each) => ({
      strategies: [each],
      traceback: `${outcome.kind}: ${outcome.reason}`,
    })),
  };
}

/** By how much answers may differ: what a check accepts has no such bound, and neither has a script. */
const toleranceOf = ({ function: name, accepts, tolerance }: OptimizeJob): string[] =>
  name === undefined || accepts !== undefined
    ? []
    : ['--tolerance', [tolerance.relative, tolerance.absolute].filter((each) => each !== undefined).join()];

const pathOf = ({ entry }: Program): string => (entry.kind === 'function' ? entry.module : entry.path);

/** Characters: a reason stands on a screen. */
const longestReason = 500;

const reasonText = (program: Program, { line, message }: z.infer<typeof Reason>): string =>
  `${line === null ? '' : `${pathOf(program)}:${line}: `}${message}`.slice(0, longestReason);

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, longestReason) ?? '';
