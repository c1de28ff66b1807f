import type { Artifact } from '../../domain/artifact.schema.ts';
import { unfounded } from '../../domain/figures-in-text.ts';
import { Blend, Explained, Judged } from '../../domain/table.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { promptRequest } from '../../llm/prompts/prompts.ts';
import { ReplyProblem } from '../../llm/prompts/replies/apply.ts';
import type { Interpretation } from '../../llm/prompts/replies/learning.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readJson, writeJson } from '../../store/documents.ts';
import { type AskContext, createAsk } from '../ask/ask.ts';
import { takeStep } from '../context.ts';
import { type AskedOfTable, asked, askedAgain, measuredOf } from './asking.ts';

export type WordsActivities = ReturnType<typeof createWordsActivities>;

/** Lines of a kind that are told of. */
const most = 15;

export const createWordsActivities = (context: AskContext) => {
  const { store } = context;
  const ask = createAsk(context);

  return {
    /**
     * Asks one route what the results mean. Returns its words as an artifact. Each number in them is one of the
     * record, which is all that the route was told. A reply with another is refused, and says which.
     */
    async explainByModel({ trial, ...of }: AskedOfTable & { trial: Trial }): Promise<Artifact> {
      return takeStep<Artifact>(store, { ...of, step: 'words' }, 'propose', async (pulse) => {
        const { look, analysis, profile } = await measuredOf(store, of.table);
        const found = await foundOf(store.blobs, trial);
        const facts = { ...found, analysis, profile, metric: look.metric };
        const first = promptRequest('results-interpretation', {
          ...facts,
          ...{ purpose: `predicting ${look.target.name}`, target: look.target.name, hint: null },
        });
        const request = await askedAgain(store, first, of);
        const record = Object.values(facts).join('\n');
        const read = async (words: Interpretation): Promise<Artifact> => {
          const unknown = unfounded(textOf(words), record);
          if (unknown.length > 0)
            throw new ReplyProblem([
              `expected numbers as they stand in what was measured, found ${unknown.slice(0, 8).join(', ')}: leave them out, or tell those of the record`,
            ]);
          return writeJson(store.blobs, words);
        };
        return ask(of, { ...request, ...asked(of), read }, pulse);
      });
    },
  };
};

const digits = (value: number | null): string =>
  value === null ? 'none' : String(Number(value.toPrecision(4)));

/** What came of the search, in lines: figures with four digits. */
async function foundOf(blobs: BlobStore, { artifacts }: Trial) {
  const blend = await readJson(blobs, artifacts.blend ?? '', Blend);
  const judged = await readJson(blobs, artifacts.judged ?? '', Judged);
  const explained =
    artifacts.explain === undefined ? null : await readJson(blobs, artifacts.explain, Explained);
  const [low, high] = judged.interval ?? [null, null];
  const { confusion } = judged;
  return {
    leaderboard: blend.leaderboard
      .slice(0, most)
      .map(
        ({ id, score, interval, folds, weight }) =>
          `${id}: ${digits(score)}${interval == null ? '' : `, 95 %: ${interval.map(digits).join(' to ')}`}, ${folds.length} folds, ${digits(100 * weight)} % of the blend`,
      )
      .join('\n'),
    test: [
      `${judged.metric} ${digits(judged.score)} on ${judged.rows} rows, 95 %: ${digits(low)} to ${digits(high)}`,
      `guessing ${judged.naive.what} scores ${digits(judged.naive.score)}`,
      judged.learnt ? 'surely better than guessing' : 'not surely better than guessing',
    ].join('\n'),
    errors: [
      ...(confusion == null
        ? []
        : confusion.counts.flatMap((row, is) =>
            row.map(
              (count, as) =>
                `${count} rows are ${confusion.labels[is]} and predicted ${confusion.labels[as]}`,
            ),
          )
      ).slice(0, 2 * most),
      ...judged.slices
        .slice(0, most)
        .map(
          ({ column, value, rows, metric, score }) =>
            `${column} ${value}: ${metric ?? judged.metric} ${digits(score)} of ${rows} rows`,
        ),
    ].join('\n'),
    importance: (explained?.importance ?? [])
      .slice(0, most)
      .map(({ column, permutation }) => `${column}: the loss rises by ${digits(permutation)}`)
      .join('\n'),
  };
}

const textOf = ({
  summary,
  findings,
  features,
  recommendations,
  deployment,
  cautions,
}: Interpretation): string =>
  [
    summary,
    ...findings.flatMap(({ claim, evidence }) => [claim, evidence]),
    ...features.map(({ meaning }) => meaning),
    ...recommendations.flatMap(({ action, reason }) => [action, reason]),
    ...deployment,
    ...cautions,
  ].join('\n');
