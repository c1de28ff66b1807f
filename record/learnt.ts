import { Blend, Explained, Judged, LearningPlan, Look, leftOutLines, Meta } from '../domain/table.schema.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { interpretation } from '../llm/prompts/replies/learning.ts';
import type { BlobStore } from '../store/blobs.ts';
import { readJson } from '../store/documents.ts';
import type { LearntFacts } from '../web/facts.ts';

/** Returns what was learnt from a table; null before its test was scored, or where there is no table. */
export async function learntIn(blobs: BlobStore, trials: readonly Trial[]): Promise<LearntFacts | null> {
  const { judged, blend, explain, look, meta, plan, words } =
    trials.findLast(({ artifacts }) => artifacts.judged !== undefined)?.artifacts ?? {};
  if (judged === undefined || blend === undefined) return null;
  const titles = new Map(trials.map(({ candidate }) => [candidate.id, candidate.title]));
  const blended = await readJson(blobs, blend, Blend);
  const looked = look === undefined ? null : await readJson(blobs, look, Look);
  const warnings = [
    ...(looked?.warnings ?? []),
    ...(meta === undefined ? [] : (await readJson(blobs, meta, Meta)).warnings),
  ];
  return {
    judged: await readJson(blobs, judged, Judged),
    blend: {
      ...blended,
      leaderboard: blended.leaderboard.map((row) => ({
        ...row,
        title: `${row.id} ${titles.get(row.id) ?? ''}`.trim(),
      })),
    },
    explain: explain === undefined ? null : await readJson(blobs, explain, Explained),
    words: words === undefined ? null : await readJson(blobs, words, interpretation.schema),
    from: plan === undefined ? [] : (await readJson(blobs, plan, LearningPlan)).from,
    warnings: [...(looked === null ? [] : leftOutLines(looked)), ...warnings.map(({ message }) => message)],
  };
}
