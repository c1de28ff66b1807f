import type { Tolerance } from '../job-fields.schema.ts';
import { checkNamed, functionAt, functionWords, oracleOf } from '../judging.ts';
import { environmentFiles, type Kind, type NamedPython, read } from './kind.ts';
import type { OptimizeJob } from './optimize.schema.ts';

const python = (field: string, as: NamedPython['as'], named: string | undefined, otherwise: string) => {
  if (named === undefined) return [];
  const { module: path, name: calls } = functionAt(named, otherwise);
  return [{ path, field, python: { as, calls } }];
};

const nameOf = ({ function: name, program }: OptimizeJob): string =>
  name === undefined ? program : `${name} in ${program}`;

/** By how much numbers may differ: `1e-9 + 0.000001 × their size`. */
export const toleranceWords = ({ relative, absolute }: Tolerance): string =>
  `${absolute === undefined ? '' : `${absolute} + `}${relative} × their size`;

/** By how much two answers may differ that each agree with a third within the tolerance. */
export const doubled = ({ relative, absolute }: Tolerance): Tolerance => ({
  relative: 2 * relative,
  ...(absolute === undefined ? {} : { absolute: 2 * absolute }),
});

/** What a verdict rests on where nobody gave inputs. */
export const restsOn = (casesFrom: string): string =>
  `The verdict rests on inputs that Crucible made from ${casesFrom}`;

/** A program is made faster, and stays right. */
export const optimize: Kind<OptimizeJob> = {
  objective: ({ goal }) => ({ kind: 'ratio', atLeast: 1, ...(goal === undefined ? {} : { goal }) }),
  product: 'program',
  files: (job) => [
    ...read('prompts', [job.prompts]),
    {
      path: job.program,
      field: 'program',
      python: { as: 'program', calls: job.function ?? null },
    },
    ...python('cases', 'cases', job.cases, 'make_case'),
    ...python('accepts', 'check', job.accepts, 'accepts'),
    ...python('oracle', 'oracle', job.oracle, job.function ?? ''),
    ...environmentFiles(job),
    ...read('inputs', job.inputs),
  ],
  writes: ({ outputs }) => outputs.map((each) => (typeof each === 'string' ? each : each.path)),
  stages: () => [],
  subject: nameOf,
  sentence(job) {
    const what = job.function === undefined ? `the script ${job.program}` : nameOf(job);
    const cores = job.cores === 1 ? '1 core' : `${job.cores} cores`;
    const kept = job.function === undefined ? 'its files and output' : 'its answers';
    const check = checkNamed(job);
    const oracle = oracleOf(job);
    const within = toleranceWords(job.tolerance);
    const same =
      oracle !== null
        ? `those of ${functionWords(oracle)} within ${within}`
        : check === null
          ? `the same within ${within}`
          : `such that ${check} accepts them`;
    const rests = job.casesFrom === undefined ? '' : ` ${restsOn(job.casesFrom)}.`;
    return `Make ${what} faster on up to ${cores}, and keep ${kept} ${same}.${rests}`;
  },
  asking: ({ models }) => ({
    models,
    roles: ['draft', 'debug', 'improve'],
    otherwise: 'Strategies that need none do the work',
  }),
  check: checkNamed,
};
