import type { Artifact } from './artifact.schema.ts';
import type { ChecksJudging, Exam, Judging } from './judging.ts';
import { isFileCheck } from './output-checks.ts';
import type { OutputCheck } from './validator.schema.ts';

/** A small input that a program is tried on before the full one. */
export interface Sample {
  /** A `Tree`: all that a candidate sees while it is tried on it. */
  files: Artifact;
  /** What it is, in words: `the first 100 rows of sales.csv`. */
  words: string;
}

/** What says how much there is, or must be: it is known of the full input alone. */
const counting = new Set([
  ...['rows', 'minRows', 'maxRows', 'minLines', 'maxLines', 'minBytes', 'maxBytes', 'shape', 'n'],
  ...['frames', 'minFrames', 'maxFrames', 'minSeconds', 'maxSeconds', 'contains', 'matches', 'arrays'],
  ...['vertices', 'minVertices', 'maxVertices', 'faces', 'minFaces', 'maxFaces', 'minVolume', 'maxVolume'],
]);
const countingInSchema = new Set([
  ...[
    'minItems',
    'maxItems',
    'minProperties',
    'maxProperties',
    'minContains',
    'maxContains',
    'contains',
    'const',
  ],
]);

/**
 * Returns what of a check holds on a sample, too. That is what an output is, and not how much of it there is.
 */
export function withoutCounts(check: OutputCheck): OutputCheck {
  // It is to equal what comes of the full input.
  if (check.kind === 'equals') return { kind: 'readable', path: check.path };
  const kept = Object.fromEntries(
    Object.entries(check)
      .filter(([name]) => !counting.has(name))
      .map(([name, value]) => [name, name === 'schema' ? schemaWithoutCounts(value) : value]),
  );
  // Of the fields that are left out none is required.
  return kept as OutputCheck;
}

function schemaWithoutCounts(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(schemaWithoutCounts);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !countingInSchema.has(name) || typeof value === 'object')
      .map(([name, value]) => [name, schemaWithoutCounts(value)]),
  );
}

/**
 * Returns the exam that a program takes on the sample. It is the full one's, but for counts and the user's own
 * check, which knows the full input.
 */
export function sampleExam(exam: Exam, { files }: Sample): Exam {
  const { sample: _, ...full } = exam;
  return { ...full, files, judging: sampleJudging(exam.judging) };
}

function sampleJudging(judging: Judging): Judging {
  if (judging.kind !== 'checks' && judging.kind !== 'score') return judging;
  const outputs = judging.outputs
    .filter((output) => isFileCheck(output) || output.kind === 'exit')
    .map(withoutCounts);
  const of: ChecksJudging = { kind: 'checks', outputs, ofSample: true };
  return judging.kind === 'score' ? { ...of, seeded: true } : of;
}
