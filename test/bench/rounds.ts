import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createJobActivities } from '../../activities/job.ts';
import { createModelActivities } from '../../activities/propose/by-model.ts';
import type { AskingJob } from '../../activities/propose/questions/questions.ts';
import { createBuildActivities } from '../../activities/try/build.ts';
import type { createCaseActivities } from '../../activities/try/cases.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { modelQueue, queues } from '../../domain/queues.ts';
import { median } from '../../domain/speedup.ts';
import { createScriptedModel } from '../../llm/providers/scripted.ts';
import type { SandboxKind } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { openStore, type Store } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { startServer } from '../support/temporal.ts';
import type { Round, round, threeActivities } from './rounds-workflows.ts';

/** What measures rounds has at hand. */
export interface Bench {
  store: Store;
  /** Activities that prepare a round, to be called by `inActivity`. */
  context: Parameters<typeof createCaseActivities>[0];
  kind: SandboxKind;
  /** Which sandbox was taken, and why. */
  why: string;
  /** An empty folder. */
  folder: string;
  /** Returns milliseconds of one round by Temporal. */
  round(input: Round): Promise<number>;
  /** Returns milliseconds of three activities in a row that do nothing. */
  threeActivities(): Promise<number>;
}

/**
 * Measures on one embedded server with one worker of each queue, whose model gives what `replyTo` says of a request's number. Everything
 * is stopped and removed afterwards.
 */
export async function onBench(
  replyTo: (request: number) => { path: string; content: string },
  measure: (bench: Bench) => Promise<void>,
): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const home = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const config = { ...readConfig(process.env), home };
  const store = await openStore(home);
  const { sandbox, kind, why } = await openSandbox(config, store);
  const server = await startServer();
  const native = await NativeConnection.connect({ address: server.address });
  const client = new Client({
    connection: await Connection.connect({ address: server.address }),
    dataConverter: signedBy(store),
  });
  const context = { store, sandbox };
  const model = createScriptedModel((_, request) => {
    const file = replyTo(request);
    return {
      value: {
        ...{ idea: `number ${request}`, files: [file], edits: [], removed: [], entry: file.path },
        build: 'none',
      },
    };
  });
  const common = {
    connection: native,
    dataConverter: signedBy(store),
    maxHeartbeatThrottleInterval: '500ms',
  } as const;
  const taking = async (taskQueue: string, activities: object): Promise<Worker> =>
    Worker.create({ ...common, taskQueue, activities });
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queues.orchestrate,
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: fileURLToPath(new URL('./rounds-workflows.ts', import.meta.url)),
        logger: new DefaultLogger('ERROR'),
      }),
      activities: { nothing: async () => 'nothing' },
    }),
    taking(queues.build, createBuildActivities(context)),
    taking(queues.sandbox, createRunActivities(context)),
    taking(queues.grade, createGradeActivities(context)),
    taking(
      modelQueue('scripted'),
      createModelActivities({
        store,
        catalogue: config.models.catalogue,
        modelOf: () => model,
        batchesOf: () => null,
      }),
    ),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  let started = 0;
  const execute = { taskQueue: queues.orchestrate };
  const folder = await mkdtemp(join(home, 'plain-'));
  // A container may run as another user.
  await chmod(home, 0o755);
  await chmod(folder, 0o777);
  try {
    await measure({
      ...{ store, context, kind, why, folder },
      round: (input) =>
        client.workflow.execute<typeof round>('round', {
          ...{ ...execute, workflowId: `round-${input.number}`, args: [input] },
        }),
      threeActivities: () =>
        client.workflow.execute<typeof threeActivities>('threeActivities', {
          ...{ ...execute, workflowId: `three-${started++}` },
        }),
    });
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await client.connection.close();
    await native.close();
    await server.stop();
    await sandbox.sweep({ all: true });
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** Opens a job in the ledger, with its files, as it is when it proposes. Returns what names it. */
export async function openedJob(
  store: Store,
  job: AskingJob,
  texts: Record<string, string>,
): Promise<{
  jobId: string;
  files: string;
  place: (step: string) => Pick<Round, 'storeId' | 'jobId'> & { step: string };
}> {
  const tree: Record<string, string> = {};
  for (const [path, text] of Object.entries(texts)) tree[path] = await store.blobs.put(text);
  const files = await store.blobs.put(JSON.stringify(tree));
  const series = `${job.kind}/${job.name}/bench`;
  const jobId = `${series}.1`;
  const place = (step: string) => ({ storeId: store.id, jobId, step });
  const input = {
    ...{ jobId, series, run: 1, storeId: store.id, job, files, parent: null, role: 'job' as const },
    ...{ beside: await store.blobs.put('[]'), routes: noRoutes, stageRoutes: {}, searchable: false },
    ...{ fresh: false, resumed: 0 },
  };
  await createJobActivities({ store }).openJob({ ...place('open'), input });
  return { jobId, files, place };
}

/** Acts as in an activity: outside a worker its heartbeat needs a stand-in. */
export const inActivity = <T>(act: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(act);

/**
 * Takes each measurement in turn, so many times, and once more at first: that one pays for what is loaded once. Returns their medians in milliseconds,
 * null where there is nothing to measure.
 */
export async function inTurns<Name extends string>(
  times: number,
  measurements: Record<Name, (number: number) => Promise<number | null>>,
): Promise<Record<Name, number | null>> {
  const taken = new Map<string, number[]>();
  const named = Object.entries<(number: number) => Promise<number | null>>(measurements);
  for (let number = 0; number <= times; number += 1)
    for (const [name, measure] of named) {
      const ms = await measure(number);
      if (number > 0 && ms !== null) taken.set(name, [...(taken.get(name) ?? []), ms]);
    }
  return Object.fromEntries(
    named.map(([name]) => {
      const each = taken.get(name);
      return [name, each === undefined ? null : Math.round(median(each) * 10) / 10];
    }),
  ) as Record<Name, number | null>; // Of the very names that were given.
}

/** Runs a script by hand in a container, or a sandbox, made and removed for it. Returns milliseconds; null where that cannot be had. */
export async function plainRun(
  kind: SandboxKind,
  folder: string,
  { path, content }: { path: string; content: string },
): Promise<number | null> {
  await writeFile(join(folder, path), content);
  const { docker, image, bwrap, python } = await toolchain();
  const inDocker = docker !== null && image !== null ? ['docker', 'run', '--rm', '--network', 'none'] : null;
  const command =
    kind === 'docker' && inDocker !== null
      ? [
          ...[...inDocker, '--volume', `${folder}:/out`, '--workdir', '/out', image ?? ''],
          ...['/opt/crucible/python/bin/python3', path],
        ]
      : kind === 'bubblewrap' && bwrap !== null && python !== null
        ? [
            ...[
              bwrap,
              '--unshare-all',
              '--die-with-parent',
              '--ro-bind',
              '/',
              '/',
              '--dev',
              '/dev',
              '--proc',
              '/proc',
            ],
            ...['--bind', folder, folder, '--chdir', folder, join(python, 'bin/python3'), path],
          ]
        : null;
  if (command === null) return null;
  const [program = '', ...rest] = command;
  const from = performance.now();
  const [code] = await once(spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return performance.now() - from;
}
