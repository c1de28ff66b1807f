import type { Artifact } from '../../domain/artifact.schema.ts';
import { promptRequest } from '../../llm/prompts/prompts.ts';
import { modelFamilies } from '../../llm/prompts/replies/learning.ts';
import { writeJson } from '../../store/documents.ts';
import { type AskContext, createAsk } from '../ask/ask.ts';
import { takeStep } from '../context.ts';
import { type AskedOfTable, asked, askedAgain, measuredOf } from './asking.ts';

export type PlanActivities = ReturnType<typeof createPlanActivities>;

export const createPlanActivities = (context: AskContext) => {
  const { store } = context;
  const ask = createAsk(context);

  return {
    /** Asks one route how the time is best spent. Returns the plan as an artifact: a schema was held to it, and nothing else of it is believed. */
    async planByModel(of: AskedOfTable): Promise<Artifact> {
      const { job, table } = of;
      return takeStep<Artifact>(store, { ...of, step: 'plan' }, 'propose', async (pulse) => {
        const { look, ...known } = await measuredOf(store, table);
        const first = promptRequest('planning', {
          ...known,
          ...{ purpose: `predicting ${look.target.name}`, target: look.target.name, hint: null },
          models: modelFamilies[look.task === 'regression' ? 'regression' : 'classification'],
          ...{ wallMs: job.budget.wallMs, cores: job.cores, memoryMb: job.limits.memoryMb },
        });
        const request = await askedAgain(store, first, of);
        const read = (plan: unknown) => writeJson(store.blobs, plan);
        return ask(of, { ...request, ...asked(of), read }, pulse);
      });
    },
  };
};
