import type { Artifact } from '../../../domain/artifact.schema.ts';
import { evaluatorOf, functionWords } from '../../../domain/judging.ts';
import type { SolveJob } from '../../../domain/kinds/solve.schema.ts';
import { objectiveOf } from '../../../domain/objective.ts';
import type { Trial } from '../../../domain/trial.schema.ts';
import { metricText } from '../../../domain/trial.ts';
import { readTree } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';

/**
 * Says how a program is scored: the metric, the direction, bounds, and what the user's function says of itself.
 * None where it is not.
 */
export async function scoringWords({ blobs }: Store, job: SolveJob, files: Artifact): Promise<string[]> {
  const { objective } = job;
  const evaluator = evaluatorOf(job);
  if (objective === undefined || evaluator === null) return [];
  const { metric, direction, repeats, goal, constraints = {}, shown = false } = objective;
  const artifact = (await readTree(blobs, files))[evaluator.module];
  const source = artifact === undefined ? '' : await blobs.text(artifact);
  const [said, better] = [
    docstringOf(source, evaluator.name),
    direction === 'minimize' ? 'smaller' : 'larger',
  ];
  const bounds = Object.entries(constraints).map(([name, { min, max }]) =>
    [
      `${name}: a program is refused where it is`,
      ...(min === undefined ? [] : [`less than ${min}`]),
      ...(min === undefined || max === undefined ? [] : ['or']),
      ...(max === undefined ? [] : [`more than ${max}`]),
    ].join(' '),
  );
  return [
    `the score, ${metric}: the ${better} the better${goal === undefined ? '' : `, ${goal} is the goal`}; ${functionWords(evaluator)}, a function of the user's, scores what was written`,
    ...(said === '' ? [] : [`what that function says of itself: ${said}`]),
    ...bounds,
    `it is run ${repeats === 1 ? 'once' : `${repeats} times, the mean counts`}; whatever is random follows CRUCIBLE_SEED of the environment, a number that is another one each time`,
    ...(shown && source !== '' ? [`the text of ${evaluator.module}:\n${source}`] : []),
  ];
}

/** Returns the docstring of a function of a module, or that of the module; empty where there is neither. */
export function docstringOf(source: string, name: string): string {
  const definition = String.raw`^def[ \t]+${name}[ \t]*\([\s\S]*?\)[^\n:]*:[ \t]*(?:#[^\n]*)?\s*`;
  const text = String.raw`[rRuU]?("""|''')([\s\S]*?)\1`;
  const found =
    new RegExp(`${definition}${text}`, 'm').exec(source) ??
    new RegExp(String.raw`^(?:\s*#[^\n]*\n)*\s*${text}`).exec(source);
  return (found?.[2] ?? '').replace(/\s+/g, ' ').trim();
}

/** Returns the score of a trial in words, with what each run gave; null where it has none. */
export function scoredText({ outcome, purpose }: Trial, job: SolveJob): string | null {
  if (outcome.kind !== 'scored') return null;
  return `${metricText(outcome.metric, objectiveOf(job))}${purpose === 'trial' ? '' : ', verified'}`;
}

/** Returns the task of a job that has none in words. */
export const scoreTask = ({ script, objective }: SolveJob): string =>
  `Improve ${script ?? 'the program'}: make ${objective?.metric ?? 'its score'} ${objective?.direction === 'minimize' ? 'smaller' : 'larger'}, and keep what it is for.`;
