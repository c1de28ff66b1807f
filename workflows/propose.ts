import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { NextDecision } from '../domain/search-policy.ts';
import type { Work } from './job.ts';
import { proposeByModel, sandboxActivities } from './proxies.ts';
import { summarized } from './summary.ts';
import type { Bench } from './trial.ts';

/**
 * Has a decision made into a candidate: a recipe in the sandbox, a draft, debug or improvement by a model, its routes tried
 * in order. Null where a recipe turns out not to apply, or no route gave a usable program.
 */
export async function propose(
  work: Work<OptimizeJob>,
  bench: Bench,
  sample: Artifact | null,
  decision: NextDecision,
  id: string,
): Promise<Candidate | null> {
  const { job, at } = work;
  if (decision.kind === 'recipe') {
    const { proposeByRecipe } = sandboxActivities(job.limits);
    const { recipe } = decision;
    return summarized(`${id}: ${recipe}`, proposeByRecipe, {
      ...at(`${id}/propose`),
      job,
      id,
      recipe,
      program: bench.baselineProgram,
      sample,
    });
  }
  for (const [index, route] of work.input.routes[decision.kind].entries()) {
    try {
      return await summarized(`${id}: ${decision.kind} by ${route}`, proposeByModel, {
        ...at(`${id}/propose-${index}`),
        job,
        id,
        route,
        decision,
        sample,
      });
    } catch (error) {
      if (!isRouteFailure(error)) throw error;
      work.note(`${id}: ${route} gave no program: ${error.cause.message}`);
    }
  }
  return null;
}

/** Failures of one route that the next route may not have. */
const routeFailures = new Set([
  'RouteUnavailable',
  'ModelRequestRejected',
  'ModelUnauthenticated',
  'ModelQuotaExceeded',
  'ModelRefused',
  'ModelReplyTruncated',
  'ModelReplyUnusable',
]);

const isRouteFailure = (error: unknown): error is ActivityFailure & { cause: ApplicationFailure } =>
  error instanceof ActivityFailure &&
  error.cause instanceof ApplicationFailure &&
  routeFailures.has(error.cause.type ?? '');
