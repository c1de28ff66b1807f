import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { z } from 'zod';
import { createBuildActivities } from '../../activities/try/build.ts';
import { createCaseActivities } from '../../activities/try/cases.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { Conducted, createMeasureActivities } from '../../activities/try/measure.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { optimizeExam, optimizeOriginal, timedCases } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { without } from '../../domain/tree.ts';
import type { Measurement } from '../../domain/trial.schema.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { SandboxKind } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { openStore } from '../../store/store.ts';

/** How a trial of a program went. */
export interface Tried {
  outcome: Outcome;
  /** Null where it was refused before it was measured. */
  measurement: Measurement | null;
  /** What the program printed in its run and, where it came to that, the end of what it printed while it was measured. */
  printed: string;
}

export interface Trials {
  /** Tries the program that is entered at `module`, a file of the folder: its function `answer`, or the file as a script. */
  try(module: string, limits?: Partial<OptimizeJob['limits']>): Promise<Tried>;
  close(): Promise<void>;
}

/**
 * The activities of a trial as a worker has them, over a real sandbox and a store of their own, called in the order in which the
 * workflow does. The files of `folder` are the job's, and those of every program but for what is hidden from it; the baseline is what `job` names. All trials
 * get the same secret inputs, each in sandboxes that have never seen them: as many checked ones as `checks` says, so that cheats know when they are
 * timed, and more in `moreSeconds`. Throws what the first activities throw, `JobRejected`
 * for one.
 */
export async function openTrials(
  kind: SandboxKind,
  folder: string,
  job: Omit<z.input<typeof OptimizeJob>, 'kind' | 'name'>,
  {
    checks = 2,
    pairs = 7,
    batch = 2,
    moreSeconds = 0,
    guest,
    ungraded,
  }: {
    checks?: number;
    pairs?: number;
    batch?: number;
    moreSeconds?: number;
    /** The guest's Python in place of the one that ships. */
    guest?: string;
    /** What is believed without being graded: switches a guard off, to see that a cheat meets it. */
    ungraded?: 'run' | 'timed';
  } = {},
): Promise<Trials> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-trial-'));
  const store = await openStore(join(home, 'store'));
  const { sandbox } = await chooseSandbox({
    wanted: kind,
    blobs: store.blobs,
    storeId: store.id,
    root: join(home, 'sandboxes'),
    parts: await toolchain(),
    guest,
  });
  const close = async () => {
    await sandbox.sweep({ all: true });
    await store.close();
    await rm(home, { recursive: true, force: true });
  };
  const { prepareCases } = createCaseActivities({ store, sandbox });
  const { buildProgram } = createBuildActivities({ store, sandbox });
  const { runProgram } = createRunActivities({ store, sandbox });
  const { gradeRun, gradeTimed } = createGradeActivities({ store, sandbox });
  const { measure } = createMeasureActivities({ store, sandbox });

  const whole = OptimizeJob.parse({ kind: 'optimize', name: 'tried', ...job });
  const tree: Tree = Object.fromEntries(
    await Promise.all(
      (await readdir(folder)).map(
        async (name) => [name, await store.blobs.put(await readFile(join(folder, name)))] as const,
      ),
    ),
  );
  const files = await store.blobs.put(JSON.stringify(tree));
  const shown = without(tree, optimizeOriginal(whole).hidden);
  const seen = await store.blobs.put(JSON.stringify(shown));
  const pack = (module: string, name: string): Promise<Artifact> => {
    const entry: Program['entry'] =
      job.function === undefined
        ? { kind: 'script', path: module, args: [] }
        : { kind: 'function', module, name };
    return store.blobs.put(JSON.stringify({ files: shown, entry, build: null } satisfies Program));
  };
  let steps = 0;
  const asked = optimizeExam(whole, files, seen);
  const given = (limits = {}, exam = asked) => ({
    ...{ storeId: store.id, jobId: 'tried', step: `${steps++}` },
    exam: { ...exam, limits: { ...exam.limits, ...limits } },
  });

  try {
    const baseline = await pack(job.program, job.function ?? '');
    const timings = timedCases({ batch }, pairs);
    const { judging } = asked;
    const cases =
      judging.kind === 'answers'
        ? await act(prepareCases, { ...given(), exam: { ...asked, judging }, checks, timings, moreSeconds })
        : null;
    const known =
      judging.kind === 'sameFiles' ? await act(runProgram, { ...given(), program: baseline, cases }) : null;
    const exam =
      judging.kind === 'sameFiles' && known?.kind === 'ran'
        ? { ...asked, judging: { ...judging, reference: known.returned } }
        : asked;

    return {
      async try(module, limits) {
        const given_ = () => given(limits, exam);
        const built = await act(buildProgram, {
          ...given_(),
          program: await pack(module, 'answer'),
          limits: whole.limits,
        });
        if (built.kind === 'failed') return { outcome: built.outcome, measurement: null, printed: '' };
        const { program } = built;
        const ran = await act(runProgram, { ...given_(), program, cases });
        const { stdout } = ran.artifacts;
        let printed = stdout === undefined ? '' : await store.blobs.text(stdout);
        if (ran.kind === 'failed') return { outcome: ran.outcome, measurement: null, printed };
        const verdict = await act(gradeRun, { ...given_(), cases, returned: ran.returned });
        if (verdict.kind !== 'right' && ungraded !== 'run')
          return { outcome: verdict.outcome, measurement: null, printed };

        const measured = await act(measure, {
          ...given_(),
          ...{ baseline, candidate: program, cases, pairs, batch, noiseFloor: 0, earlier: null },
        });
        if (measured.kind === 'failed') return { outcome: measured.outcome, measurement: null, printed };
        const { measurement, conducted } = measured;
        const { players } = Conducted.parse(JSON.parse(await store.blobs.text(conducted)));
        printed += players.find(({ name }) => name === 'candidate')?.stdout.tail ?? '';
        const timed = await act(gradeTimed, { ...given_(), cases, conducted });
        if (timed.kind !== 'right' && ungraded !== 'timed')
          return { outcome: timed.outcome, measurement, printed };
        const metric = measurement.speedup;
        const believed = timed.kind === 'right' ? timed.verdict : conducted;
        return { outcome: { kind: 'scored', metric, verdict: believed }, measurement, printed };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// What an activity throws is for the test to expect.
const quiet = new DefaultLogger('ERROR');

/** Calls an activity as a worker does: with a context of its own, in which it can heartbeat and be cancelled. */
const act = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
  new MockActivityEnvironment(undefined, { logger: quiet }).run(activity, input);
