import type { Usage } from '../../domain/usage.ts';

export type UsageColumns<Count> = Record<
  'inputTokens' | 'cachedTokens' | 'writtenTokens' | 'outputTokens' | 'reasoningTokens',
  Count
>;

/** `usage` as the columns of a model call. */
export const usageColumns = (usage: Usage | null): UsageColumns<number | null> => ({
  inputTokens: usage?.input ?? null,
  cachedTokens: usage?.cached ?? null,
  writtenTokens: usage?.written ?? null,
  outputTokens: usage?.output ?? null,
  reasoningTokens: usage?.reasoning ?? null,
});

/** Returns what `usageColumns` was made from; null where nothing was reported. */
export const usageOf = (columns: UsageColumns<number | null>): Usage | null =>
  columns.inputTokens === null
    ? null
    : {
        input: columns.inputTokens,
        cached: columns.cachedTokens ?? 0,
        written: columns.writtenTokens ?? 0,
        output: columns.outputTokens ?? 0,
        reasoning: columns.reasoningTokens ?? 0,
      };
