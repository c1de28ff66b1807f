import type { Artifact } from '../../domain/artifact.schema.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { Look, Meta, LearningPlan as Planned, type SplitTable } from '../../domain/table.schema.ts';
import { type PromptRequest, repairRequest } from '../../llm/prompts/prompts.ts';
import { readJson, readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import type { KeptRequest, Question } from '../ask/ask.ts';
import { fileIn } from './table-files.ts';

/** One question about a table that is learnt from. */
export interface AskedOfTable extends Place {
  job: FitJob;
  table: SplitTable;
  route: string;
  /** The step whose reply could not be used and is to be repaired; null for a question of its own. */
  repairs: string | null;
  fresh: boolean;
  isLast: boolean;
}

/** Columns that are told of. */
const mostColumns = 120;

/** Returns what was measured of the table, in words: names and figures, and no row. */
export async function measuredOf({ blobs }: Store, table: SplitTable) {
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

/**
 * Returns the same question with the reply of the step `repairs`, and what was wrong with it. The question
 * itself where nothing is repaired.
 */
export async function askedAgain<Value>(
  { blobs, ledger }: Store,
  request: PromptRequest<Value>,
  { repairs, ...place }: Pick<AskedOfTable, keyof Place | 'repairs'>,
): Promise<PromptRequest<Value>> {
  if (repairs === null) return request;
  const key = stepKey({ ...place, step: repairs });
  const reply: Artifact | null | undefined = (await ledger.requestsOf(key)).findLast(
    (each) => each.reply !== null,
  )?.reply;
  if (reply == null) throw new Error(`${repairs}: expected a reply to repair, found none`);
  const { prompt, ...kept } = JSON.parse(await blobs.text(reply)) as KeptRequest; // written by `ask`
  const { system, messages } = kept.request;
  return repairRequest({ ...request, system, messages, prompt }, kept.reply.text, kept.problem ?? '');
}

/** Returns how a question about a table is asked, by what the job allows. */
export const asked = ({
  job,
  route,
  fresh,
  isLast,
}: AskedOfTable): Omit<Question<never, never>, 'prompt' | 'system' | 'messages' | 'schema' | 'read'> => ({
  ...{ route, tries: job.models.tries, isLast, sample: 0, temperature: job.models.temperature },
  maxTokens: job.models.programTokens,
  cache: !job.models.cache ? 'off' : fresh ? 'refresh' : 'use',
  // A search waits for no plan, and its end for no words.
  batch: false,
  unknownPrices: job.budget.unknownPrices,
});
