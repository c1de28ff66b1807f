import { cellsOf, fillCell, mostCells, type Values } from '../../domain/cells.ts';
import type { Job } from '../../domain/job.schema.ts';
import { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import { gridIn } from '../../domain/kinds/kinds.ts';
import { nearest } from '../../domain/nearest.ts';
import { isFields, placeholdersIn } from '../../domain/placeholders.ts';
import { type Mistake, mistakesIn, namingFields } from './job-mistakes.ts';

/** More cells than these are asked for by `--yes` alone. */
const manyCells = 50_000;

/** So many cells are parsed when a job is read, spread over all of them. */
const mostParsed = 2_000;

/** Returns an experiment as it was written, its cell called as itself: it needs no name of its own. */
export function withCellName(value: unknown): unknown {
  if (!isFields(value) || value.kind !== 'experiment' || !isFields(value.cell)) return value;
  return { ...value, cell: { name: value.name, ...value.cell } };
}

/**
 * Returns an experiment whose matrix holds values as its cell's fields have them, and what is wrong with its
 * cells. Wrong are a name that is no field and a value that cannot be. So are two cells of one name, and too
 * many. Other jobs are returned as they are.
 */
export function withCells(
  asked: Job,
  written: unknown,
  { many = false }: { many?: boolean } = {},
): { job: Job; mistakes: Mistake[] } {
  const job = gridIn(asked);
  if (job === null) return { job: asked, mistakes: [] };
  const cell = isFields(written) && isFields(written.cell) ? written.cell : job.cell;
  const count = mostCells(job);
  if (count > manyCells && !many)
    return wrong(job, ['matrix'], `these are ${count.toLocaleString('en')} cells; to run as many, add --yes`);
  const unknown = unknownNames(job, cell);
  if (unknown.length > 0) return { job, mistakes: unknown };
  const read = { ...job, ...parsedValues(job, cell) };
  const cells = cellsOf(job);
  if (cells.length === 0)
    return wrong(job, ['exclude'], 'every cell of the matrix is left out: nothing is left to run');
  const twice = [...Map.groupBy(cells, ({ name }) => name)].filter(([, same]) => same.length > 1);
  if (twice.length > 0)
    return wrong(
      job,
      ['matrix'],
      `${twice.length === 1 ? 'a cell is' : `${twice.length} cells are`} there more than once (${twice
        .slice(0, 3)
        .map(([name]) => name)
        .join(', ')}): each is run once, so give its values once, or \`repeats\``,
    );
  const every = Math.ceil(cells.length / mostParsed);
  const mistakes = new Map<string, Mistake>();
  for (const [index, { values, name }] of cells.entries()) {
    if (index % every !== 0) continue;
    for (const mistake of mistakesOf(cell, values))
      mistakes.set(`${mistake.path.join('.')}: ${mistake.message}`, {
        ...mistake,
        message: `${mistake.message} (in the cell ${name})`,
      });
  }
  const found = [...mistakes.values()].slice(0, 10);
  return { job: read, mistakes: found.length > 0 ? found : belowOneCell(job) };
}

/** A budget of all cells that one of them alone may pass. */
const belowOneCell = ({ budget, cell }: ExperimentJob): Mistake[] =>
  (['usd', 'tokens'] as const).flatMap((unit) => {
    const [all, one] = [budget[unit], cell.budget[unit]];
    if (all === undefined || one === undefined || one <= all) return [];
    const message = `${all} ${unit === 'usd' ? 'dollars' : 'tokens'} for all cells are less than the ${one} that one of them may spend`;
    return [{ path: ['budget', unit], message }];
  });

const wrong = (job: Job, path: string[], message: string) => ({ job, mistakes: [{ path, message }] });

/** Names of the matrix that stand in no text of the cell and are no field of it. */
function unknownNames({ matrix, cell: parsed }: ExperimentJob, written: object): Mistake[] {
  const used = placeholdersIn(written);
  const undefinedNames = [...used].filter((name) => !(name in matrix));
  const fields = fieldsOf(parsed.kind);
  return [
    ...undefinedNames.map((name) => ({
      path: ['cell'],
      message: `a field has \${${name}}, and the matrix has no ${name}; it has ${Object.keys(matrix).join(', ')}`,
    })),
    ...Object.keys(matrix).flatMap((name) => {
      const [first = ''] = name.split('.');
      if (used.has(name) || fields.includes(first)) return [];
      const meant = nearest(first, fields);
      return [
        {
          path: ['matrix', name],
          message: `no text of the cell has \${${name}}, and ${first} is no field of a job of kind ${parsed.kind}${meant === null ? '' : ` (did you mean ${meant}?)`}; its fields are ${fields.join(', ')}`,
        },
      ];
    }),
  ];
}

const cellSchemas = ExperimentJob.shape.cell.options;

/** The fields of a cell that a matrix may set: its kind and its name stay. */
const fieldsOf = (kind: ExperimentJob['cell']['kind']): string[] =>
  cellSchemas
    .filter(({ shape }) => shape.kind.value === kind)
    .flatMap(({ shape }) => Object.keys(shape))
    .filter((name) => name !== 'kind' && name !== 'name');

/** The values of the matrix and of `include` as the fields they are for have them once they are parsed. */
function parsedValues(
  job: ExperimentJob,
  cell: object,
): Pick<ExperimentJob, 'matrix' | 'include' | 'exclude' | 'baseline'> {
  const used = placeholdersIn(cell);
  const [example] = cellsOf(job);
  const parsed = (name: string, value: Values[string]): Values[string] => {
    if (used.has(name) || example === undefined) return value;
    const filled = ExperimentJob.shape.cell.safeParse(fillCell(cell, { ...example.values, [name]: value }));
    const at: unknown = name
      .split('.')
      .reduce<unknown>((field, key) => (isFields(field) ? field[key] : undefined), filled.data);
    // What is wrong with it is said where its cells are parsed.
    return filled.success && at !== undefined ? (at as Values[string]) : value;
  };
  const all = (values: Values): Values =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, parsed(name, value)]));
  return {
    matrix: Object.fromEntries(
      Object.entries(job.matrix).map(([name, values]) => [name, values.map((value) => parsed(name, value))]),
    ),
    include: job.include.map(all),
    exclude: job.exclude.map(all),
    ...(job.baseline === undefined ? {} : { baseline: all(job.baseline) }),
  };
}

function mistakesOf(cell: object, values: Values): Mistake[] {
  const parsed = ExperimentJob.shape.cell.safeParse(fillCell(cell, values), {
    reportInput: true,
    error: namingFields,
  });
  if (parsed.success) return [];
  return parsed.error.issues.flatMap(mistakesIn).map(({ path, message }) => {
    const [first] = path;
    const [name] = Object.keys(values).filter((each) => each.split('.')[0] === first);
    return { path: name === undefined ? ['cell', ...path] : ['matrix', name], message };
  });
}
