import type { Extension } from '../extension.schema.ts';
import type { ScoreObjective } from '../job-fields.schema.ts';
import { evaluatorOf, functionAt, functionWords, isTests, outputCheckOf } from '../judging.ts';
import { isFileCheck, referencesOf } from '../output-checks.ts';
import { environmentFiles, type Kind, type NamedFile, read } from './kind.ts';
import type { SolveJob } from './solve.schema.ts';

/** Returns what it runs, in words: its script, its recipe with what that is told, or its task. */
function programOf({ script, recipe, module, with: values = {}, task = '' }: SolveJob): string {
  if (module !== undefined) return `the C++ module ${module.name}`;
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
  files: ({ script, fix, module, prompts, inputs, ...job }) => {
    const [check, evaluator] = [outputCheckOf(job), evaluatorOf(job)];
    return [
      ...read('prompts', [prompts]),
      ...(module === undefined ? [] : moduleFiles(module)),
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
      ...read('outputs', referencesOf(job.outputs)),
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
    if (job.module !== undefined) return moduleSentence(job.module, job.task);
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
    const { module } = job;
    const written = module !== undefined && module.source === undefined;
    if (job.task === undefined && job.objective === undefined && !written) return null;
    const begun = job.script !== undefined || job.recipe !== undefined || module?.source !== undefined;
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

/** A module's files: its C++, the reference, where its functions are called, and the check. */
function moduleFiles({ source, reference, accepts, functions }: Extension): NamedFile[] {
  const field = 'module';
  const check = accepts === undefined ? null : functionAt(accepts, 'accepts');
  return [
    ...read(field, [source]),
    ...(reference === undefined
      ? []
      : functions.map(({ name }) => ({
          ...{ path: reference, field, python: { as: 'program' as const, calls: name } },
        }))),
    ...(check === null
      ? []
      : [{ path: check.module, field, python: { as: 'check' as const, calls: check.name } }]),
  ];
}

/** What is done with a module, in a sentence. */
function moduleSentence({ name, source, reference, accepts }: Extension, task: string | undefined): string {
  const by =
    reference !== undefined
      ? `against ${reference}`
      : accepts !== undefined
        ? `by ${accepts}`
        : 'by its examples';
  const made = source === undefined ? `Have the C++ module ${name} written` : `Build ${source}`;
  return `${made}, and test it ${by} and under AddressSanitizer${task === undefined ? '.' : `: ${task}`}`;
}

/** What judges, in words: the check, what scores, or both. */
function checkOf(job: SolveJob): string | null {
  const own = [outputCheckOf(job), evaluatorOf(job)].filter((each) => each !== null);
  return own.length === 0 ? null : own.map(functionWords).join(' and ');
}

/** `smallest RMSE`. */
const scoreWords = ({ metric, direction }: ScoreObjective): string =>
  `${direction === 'minimize' ? 'smallest' : 'largest'} ${metric}`;
