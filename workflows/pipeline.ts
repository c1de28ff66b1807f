import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { StageJob } from '../domain/job.schema.ts';
import { searches } from '../domain/job.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import { partWords } from '../domain/kinds/kinds.ts';
import type { PipelineJob, Stage } from '../domain/kinds/pipeline.schema.ts';
import { enoughTold } from '../domain/steered.ts';
import { filesStep } from '../domain/step.ts';
import { runChild } from './job/child.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { mergeFiles } from './job/proxies.ts';
import { together } from './job/together.ts';

/** Runs each stage as a child as soon as the stages it needs are done; their files flow along. */
export async function pipeline(input: JobInput<PipelineJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { stages } = running.job;
    const ended = new Set<string>();
    running.steering.refuse(({ kind }) => {
      if (kind === 'tryProgram' || kind === 'choose')
        return `it has no candidates of its own: name ${partWords(running.job)}`;
      const isLeft = stages.some((stage) => !ended.has(stage.name) && searches(stage));
      if (kind === 'extend' && !isLeft) return 'no stage is left that searches, so nothing would use it';
      return enoughTold(kind, workflowInfo().historyLength);
    });
    const started = new Map<string, Promise<JobResult>>();
    const start = (stage: Stage): Promise<JobResult> => {
      const begun = started.get(stage.name) ?? run(stage);
      started.set(stage.name, begun);
      return begun;
    };
    const run = async (stage: Stage): Promise<JobResult> => {
      const needed = await Promise.all(
        stages
          .filter((each) => stage.needs.includes(each.name))
          .map(async (each) => [each.name, await start(each)] as const),
      );
      running.tell(`stage ${stage.name}`);
      const result = await runStage(running, stage, productsOf(needed));
      ended.add(stage.name);
      running.note(`${stage.name}: ${result.summary}`, result.best?.metric?.value);
      return result;
    };

    const results = await together(
      () => [...started.values()],
      () => Promise.all(stages.map(start)),
    );
    const { files: product } = await mergeFiles({
      ...{ ...running.placeOf('product'), files: null, stage: null },
      products: productsOf(stages.map(({ name }, index) => [name, results[index]])),
    });
    const last = results.at(-1);
    return {
      summary: `${stages.length} stages done; ${last?.summary ?? ''}`,
      // A stage that only ran has nothing to compare.
      best: results.find(({ best }) => best?.metric != null)?.best ?? null,
      refused: results.reduce((sum, each) => sum + each.refused, 0),
      product,
    };
  });
}

/** What stages gave, by their names. */
const productsOf = (stages: readonly (readonly [string, JobResult | undefined])[]): Record<string, string> =>
  Object.fromEntries(
    stages.flatMap(([name, result]) => (result?.product == null ? [] : [[name, result.product]])),
  );

/** A stage whose job and files were done before is taken over; otherwise it runs. A failure names the stage. */
async function runStage(
  running: RunningJob<PipelineJob>,
  stage: Stage,
  products: Record<string, string>,
): Promise<JobResult> {
  const { input, placeOf } = running;
  const { needs, ...rest } = stage;
  const job: StageJob = { ...rest, inputs: [...rest.inputs, ...needs] };
  const { files, known } = await mergeFiles({
    ...placeOf(filesStep(stage.name)),
    files: input.files,
    products,
    stage: input.fresh || input.anew?.includes(stage.name) ? null : job,
  });
  if (known !== null) return known;
  const routes = input.stageRoutes[stage.name] ?? input.routes;
  const ended = await runChild(running, { as: 'stage', name: stage.name, job, files, routes });
  if (ended.kind === 'done') return ended.result;
  throw ApplicationFailure.nonRetryable(`stage ${stage.name} failed: ${ended.why}`, 'StageFailed');
}
