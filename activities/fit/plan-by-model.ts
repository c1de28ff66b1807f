import type { Artifact } from '../../domain/artifact.schema.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { Look, Meta, LearningPlan as Planned, type SplitTable } from '../../domain/table.schema.ts';
import { type PromptRequest, promptRequest, repairRequest } from '../../llm/prompts/prompts.ts';
import { type LearningPlan, modelFamilies } from '../../llm/prompts/replies/learning.ts';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import { type AskContext, createAsk, type KeptRequest } from '../ask/ask.ts';
import { takeStep } from '../context.ts';
import { fileIn } from './table-files.ts';

export interface PlanInput extends Place {
  job: FitJob;
  table: SplitTable;
  route: string;
  /** The step whose reply could not be used and is to be repaired; null for a question of its own. */
  repairs: string | null;
  fresh: boolean;
  isLast: boolean;
}

export type PlanActivities = ReturnType<typeof createPlanActivities>;

/** Columns that are told of. */
const mostColumns = 120;

export const createPlanActivities = (context: AskContext) => {
  const { store } = context;
  const { blobs, ledger } = store;
  const ask = createAsk(context);

  /** What was measured of the table, in words: names and figures, and no row. */
  async function measured(table: SplitTable) {
    const tree = await readTree(blobs, table.files);
    const look = await readJson(blobs, fileIn(tree, 'look.json'), Look);
    const meta = await readJson(blobs, fileIn(tree, 'meta.json'), Meta);
    const { from } = await readJson(blobs, fileIn(tree, 'plan.json'), Planned);
    const shown = look.columns.slice(0, mostColumns);
    const lines = shown.map(
      ({ name, kind, missing, distinct, why }) =>
        `${name}: ${kind}, ${missing} missing, ${distinct} distinct; ${why}`,
    );
    return {
      look,
      analysis: [
        `${look.task}, judged by ${look.metric}; split: ${meta.split}`,
        ...[...look.warnings, ...meta.warnings].map(({ message }) => message),
      ].join('\n'),
      profile: [`${meta.rows} rows to learn from, ${look.columns.length} columns`, ...lines].join('\n'),
      priorRuns: from.map(({ job, what }) => `${job}: ${what}`).join('\n'),
    };
  }

  /** The same question with the reply of the step `place`, and what was wrong with it. */
  async function repaired(
    request: PromptRequest<LearningPlan>,
    place: Place,
  ): Promise<PromptRequest<LearningPlan>> {
    const reply = (await ledger.requestsOf(stepKey(place))).findLast((each) => each.reply !== null)?.reply;
    if (reply == null) throw new Error(`${place.step}: expected a reply to repair, found none`);
    const { prompt, ...kept } = JSON.parse(await blobs.text(reply)) as KeptRequest; // written by `ask`
    const { system, messages } = kept.request;
    return repairRequest({ ...request, system, messages, prompt }, kept.reply.text, kept.problem ?? '');
  }

  return {
    /** Asks one route how the time is best spent. Returns the plan as an artifact: a schema was held to it, and nothing else of it is believed. */
    async planByModel(input: PlanInput): Promise<Artifact> {
      const { job, table, route, repairs, fresh, isLast, ...place } = input;
      const asked = { ...place, step: 'plan' };
      return takeStep<Artifact>(store, asked, 'propose', async (pulse) => {
        const { look, ...known } = await measured(table);
        const first = promptRequest('planning', {
          ...known,
          ...{ purpose: `predicting ${look.target.name}`, target: look.target.name, hint: null },
          models: modelFamilies[look.task === 'regression' ? 'regression' : 'classification'],
          ...{ wallMs: job.budget.wallMs, cores: job.cores, memoryMb: job.limits.memoryMb },
        });
        const request = repairs === null ? first : await repaired(first, { ...place, step: repairs });
        return ask(
          place,
          {
            ...request,
            ...{ route, tries: job.models.tries, isLast, sample: 0, temperature: job.models.temperature },
            maxTokens: job.models.programTokens,
            cache: !job.models.cache ? 'off' : fresh ? 'refresh' : 'use',
            // A search waits for no plan.
            batch: false,
            unknownPrices: job.budget.unknownPrices,
            read: (plan) => writeJson(blobs, plan),
          },
          pulse,
        );
      });
    },
  };
};
