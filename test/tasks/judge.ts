import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createBuildActivities } from '../../activities/try/build.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import type { Tree } from '../../domain/artifact.schema.ts';
import { solveExam } from '../../domain/judging.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { writeJson } from '../../store/documents.ts';
import { openStore, type Store } from '../../store/store.ts';
import { sandboxKinds } from '../support/sandbox.ts';
import type { Given, Task } from './task.ts';

/** A task as a job asks for it; its files stand beside it. */
export function jobOf(task: Task): { job: SolveJob; files: Record<string, string> } {
  const { check, hidden = {}, inputs } = task;
  const tops = new Set(Object.keys(inputs).map((path) => path.split('/')[0] ?? path));
  const job = SolveJob.parse({
    ...{ kind: 'solve', name: task.name, task: task.task, inputs: [...tops], outputs: task.outputs },
    ...(check === undefined ? {} : { check: 'check.py', hidden: Object.keys(hidden) }),
    limits: { wallMs: 20_000, memoryMb: 1024 },
  });
  return { job, files: { ...inputs, ...hidden, ...(check === undefined ? {} : { 'check.py': check }) } };
}

/** Judges a program of a task as a trial does, in sandboxes of its own, without a server. */
export type Judge = (task: Task, given: Given) => Promise<Outcome>;

function createJudge(store: Store, sandbox: Sandbox): Judge {
  const context = { store, sandbox };
  const { buildProgram } = createBuildActivities(context);
  const { runProgram } = createRunActivities(context);
  const { gradeRun } = createGradeActivities(context);
  let count = 0;
  const act = <I, O>(activity: (input: I) => Promise<O>, input: I): Promise<O> =>
    new MockActivityEnvironment().run(activity, input);
  const treeOf = async (files: Record<string, string>): Promise<Tree> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(files).map(async ([path, text]) => [path, await store.blobs.put(text)] as const),
      ),
    );

  return async (task, given) => {
    const { job, files } = jobOf(task);
    count += 1;
    const number = count;
    const place = (step: string) => ({
      storeId: store.id,
      jobId: `solve/${task.name}/1`,
      step: `c-${number}/${step}`,
    });
    const sources = typeof given === 'string' ? { 'main.py': given } : given.files;
    const program: Program = {
      files: await treeOf(sources),
      entry: { kind: 'script', path: 'main.py', args: [] },
      build:
        typeof given === 'string'
          ? null
          : {
              tool: given.build,
              sources: Object.keys(sources).filter((path) => path.endsWith('.cpp')),
              fastMath: false,
            },
    };
    const exam = solveExam(job, {
      program: 'the program',
      seen: await writeJson(store.blobs, await treeOf(task.inputs)),
      files: await writeJson(store.blobs, await treeOf(files)),
    });
    const built = await act(buildProgram, {
      ...place('build'),
      program: await writeJson(store.blobs, program),
      limits: exam.limits,
    });
    if (built.kind === 'failed') return built.outcome;
    const ran = await act(runProgram, { ...place('run'), exam, program: built.program, cases: null });
    if (ran.kind === 'failed') return ran.outcome;
    const graded = await act(gradeRun, { ...place('grade'), exam, cases: null, returned: ran.returned });
    return graded.kind === 'refused' ? graded.outcome : { kind: 'passed', verdict: graded.verdict };
  };
}

/** A judge with the sandbox that a run of the tests covers, and what clears up after it. */
export async function startJudge(): Promise<{ judge: Judge; stop(): Promise<void> }> {
  const [wanted = 'auto'] = (await sandboxKinds()).kinds;
  const home = await mkdtemp(join(tmpdir(), 'crucible-tasks-'));
  const store = await openStore(home);
  const [storeId, root, parts] = [store.id, join(home, 'sandboxes'), await toolchain()];
  const { sandbox } = await chooseSandbox({ wanted, blobs: store.blobs, storeId, root, parts });
  return {
    judge: createJudge(store, sandbox),
    async stop() {
      await sandbox.sweep({ all: true });
      await store.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
