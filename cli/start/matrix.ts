import { Matrix } from '../../domain/job-fields.schema.ts';
import {
  combinations,
  type Fields,
  filledText,
  isFields,
  placeholdersIn,
  withTexts,
} from '../../domain/placeholders.ts';
import { type Mistake, mistakesIn } from './job-mistakes.ts';

type Value = Matrix[string][number];

/** Returns a job as it was written, with one stage for every combination of the values in a stage's `matrix`. */
export interface Expanded {
  value: unknown;
  /** Where in the stages as written each of the stages stood. */
  origins: number[];
  mistakes: Mistake[];
}

/**
 * Expands the `matrix` of every stage: `${n}` in a field stands for the value of `n`. The stage `volume` with `n: [64, 128]` becomes
 * `volume-64` and `volume-128`. Who needs `volume` needs them all.
 */
export function withoutMatrix(value: unknown): Expanded {
  const stages = isFields(value) && Array.isArray(value.stages) ? value.stages : null;
  if (stages === null || !stages.some((stage) => isFields(stage) && 'matrix' in stage))
    return { value, origins: [], mistakes: [] };
  const mistakes: Mistake[] = [];
  const names = new Map<string, string[]>();
  const expanded = stages.flatMap((stage: unknown, index) => {
    const made = isFields(stage) && 'matrix' in stage ? expand(stage, index, mistakes) : [stage];
    if (isFields(stage) && 'matrix' in stage && typeof stage.name === 'string')
      names.set(
        stage.name,
        made.flatMap((each) => (isFields(each) ? [String(each.name)] : [])),
      );
    return made.map((each) => ({ each, index }));
  });
  return {
    value: { ...(value as Fields), stages: expanded.map(({ each }) => needing(each, names)) },
    origins: expanded.map(({ index }) => index),
    mistakes,
  };
}

/** The stages that one with a `matrix` stands for. */
function expand({ matrix: written, ...stage }: Fields, index: number, mistakes: Mistake[]): unknown[] {
  const at = ['stages', index];
  const parsed = Matrix.safeParse(written, { reportInput: true });
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues.flatMap(mistakesIn))
      mistakes.push({ path: [...at, 'matrix', ...path], message });
    return [stage];
  }
  const matrix = parsed.data;
  const used = placeholdersIn(stage);
  const made = combinations(Object.entries(matrix)).map((values) => {
    const name = [stage.name, ...Object.values(values).map(slugOf)].join('-');
    const filled = fill(stage, values);
    return { ...(isFields(filled) ? filled : {}), name };
  });
  for (const name of Object.keys(matrix))
    if (!used.has(name))
      mistakes.push({
        path: [...at, 'matrix', name],
        message: `no field has \${${name}}, so its values would make the same stage ${matrix[name]?.length} times`,
      });
  for (const name of used)
    if (!(name in matrix))
      mistakes.push({
        path: at,
        message: `a field has \${${name}}, and the matrix has no ${name}; it has ${Object.keys(matrix).join(', ')}`,
      });
  return made;
}

const slugOf = (value: Value): string =>
  String(value)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/**
 * Puts values in place of their names, in every text of a stage. A text that is one name alone becomes the
 * value itself.
 */
const fill = (stage: Fields, values: Readonly<Record<string, Value>>): unknown =>
  withTexts(stage, (text) => {
    const [, alone] = /^\$\{(\w+)\}$/.exec(text) ?? [];
    if (alone !== undefined && alone in values) return values[alone];
    return filledText(text, (name) => values[name]?.toString());
  });

/** The stage with what it needs by the names that there are now. */
function needing(stage: unknown, names: ReadonlyMap<string, readonly string[]>): unknown {
  if (!isFields(stage) || !Array.isArray(stage.needs)) return stage;
  return {
    ...stage,
    needs: stage.needs.flatMap((need: unknown): unknown[] =>
      typeof need === 'string' ? [...(names.get(need) ?? [need])] : [need],
    ),
  };
}
