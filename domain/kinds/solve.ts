import type { ScoreObjective } from '../job-fields.schema.ts';
import { evaluatorOf, functionWords, isTests, outputCheckOf } from '../judging.ts';
import { isFileCheck } from '../output-checks.ts';
import { environmentFiles, type Kind, read } from './kind.ts';
import type { SolveJob } from './solve.schema.ts';

/** Returns what it runs, in words: its script, its recipe with what that is told, or its task. */
function programOf({ script, recipe, with: values = {}, task = '' }: SolveJob): string {
  if (script !== undefined) return script;
  if (recipe === undefined) return task.split('\n', 1)[0] ?? '';
  const told = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return [`recipe ${recipe}`, ...told].join(' ');
}

/** A program's outputs pass their checks: those of the given one, a recipe's, or one that models write. */
export const solve: Kind<SolveJob> = {
  objective({ fix, objective }) {
    // A fix is proved by running it again.
    if (objective === undefined) return { kind: 'passes', ...(fix === undefined ? {} : { twice: true }) };
    const { metric, direction, goal } = objective;
    return { kind: 'score', metric, direction, ...(goal === undefined ? {} : { goal }) };
  },
  product: 'outputs',
  files: ({ script, fix, prompts, inputs, ...job }) => {
    const [check, evaluator] = [outputCheckOf(job), evaluatorOf(job)];
    return [
      ...read('prompts', [prompts]),
      ...(script === undefined
        ? []
        : // What is wrong with one that is to be mended is no mistake.
          [{ path: script, field: 'script', python: fix ? null : { as: 'program' as const, calls: null } }]),
      ...(check === null
        ? []
        : [
            {
              path: check.module,
              field: 'check',
              python: { as: 'onFolders' as const, calls: isTests(check) ? null : check.name },
            },
          ]),
      ...(evaluator === null
        ? []
        : [
            {
              ...{ path: evaluator.module, field: 'objective' },
              python: { as: 'evaluator' as const, calls: evaluator.name },
            },
          ]),
      ...read('hidden', job.hidden ?? []),
      ...read('sample', [typeof job.sample === 'string' ? job.sample : undefined]),
      ...environmentFiles(job),
      ...read('inputs', inputs),
    ];
  },
  writes: ({ outputs }) => outputs.filter(isFileCheck).map(({ path }) => path),
  stages: () => [],
  subject: programOf,
  sentence(job) {
    const count = job.outputs.filter(isFileCheck).length;
    const files = count === 1 ? 'the file' : `the ${count} files`;
    const [check, evaluator] = [outputCheckOf(job), evaluatorOf(job)];
    const own = check === null ? null : functionWords(check);
    const checked = [
      ...(count === 0 ? [] : [` and check ${files} it must write`]),
      ...(own === null ? [] : [`${count === 0 ? ' and check what it writes' : ''} by ${own}`]),
    ].join('');
    if (job.fix) return `Run ${programOf(job)}${checked}, and mend it where it fails.`;
    if (job.objective !== undefined) {
      const from = job.script === undefined ? 'Have a program written' : `Improve ${job.script}`;
      const task = job.task === undefined ? '.' : `: ${job.task}`;
      const by = evaluator === null ? '' : `, scored by ${functionWords(evaluator)}`;
      return `${from} for the ${scoreWords(job.objective)}${by}${checked}${task}`;
    }
    return job.task === undefined
      ? `Run ${programOf(job)}${checked}.`
      : `Have a program written${checked}: ${job.task}`;
  },
  asking(job) {
    if (job.fix)
      return { models: job.models, roles: ['debug'], otherwise: 'what can be mended without one is' };
    if (job.task === undefined && job.objective === undefined) return null;
    const begun = job.script !== undefined || job.recipe !== undefined;
    return {
      models: job.models,
      roles: ['draft', 'debug', 'improve'],
      otherwise: begun
        ? `${programOf(job)} is ${job.objective === undefined ? 'tried' : 'scored'} alone`
        : null,
    };
  },
  check: checkOf,
};

/** What judges, in words: the check, what scores, or both. */
function checkOf(job: SolveJob): string | null {
  const own = [outputCheckOf(job), evaluatorOf(job)].filter((each) => each !== null);
  return own.length === 0 ? null : own.map(functionWords).join(' and ');
}

/** `smallest RMSE`. */
const scoreWords = ({ metric, direction }: ScoreObjective): string =>
  `${direction === 'minimize' ? 'smallest' : 'largest'} ${metric}`;
