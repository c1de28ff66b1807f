import { createOption, InvalidArgumentError, type Option } from 'commander';
import { defaults } from '../../domain/defaults.ts';
import { learningTasks, metrics } from '../../domain/learning.ts';
import { strategyNames } from '../../domain/strategy-names.ts';
import { learnLayerMb } from '../../sandbox/packages.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import {
  amount,
  type CommandLine,
  number,
  type Profile,
  profile,
  seedNumber,
  wholeNumber,
} from '../program.ts';
import type { BeginOptions } from './first-look.ts';
import type { FitOptions } from './fit-job.ts';
import type { ApplyOptions } from './fix.ts';
import type { FixOptions } from './fix-job.ts';
import type { OptimizeOptions } from './optimize-job.ts';
import type { SolveOptions } from './solve-job.ts';
import type { StartOptions } from './start-job.ts';

interface RunOptions {
  profile?: Profile;
  fresh?: boolean;
  from?: string;
  yes?: boolean;
  fitMemory?: boolean;
  dryRun?: boolean;
}

const onFailure = (): Option =>
  createOption(
    '--on-failure <what>',
    'wait keeps a job open that did not get there, at no cost, until somebody helps (default: it ends)',
  ).choices(['end', 'wait']);

/** Adds the commands that start jobs. */
export function addStartCommands(line: CommandLine): void {
  const { command, session } = line;
  command('start', 'run the main example: server, worker, job, picture, report', 'crucible start --fresh')
    .option('--fresh', 'do all of it again')
    .option('--no-table', `without the stage that learns from a table, whose packages are ${learnLayerMb} MB`)
    .action(({ fresh = false, table }: { fresh?: boolean; table: boolean }) =>
      session(async ({ config, context, signal }) =>
        (await import('./main-example.ts')).start(context, config, { fresh, table, signal }),
      ),
    );

  for (const [name, description] of [
    ['run', 'submit a job and watch it to its end; Ctrl-C leaves it running'],
    ['submit', 'submit a job and return at once'],
  ] as const)
    command(`${name} <job-file>`, description, `crucible ${name} examples/start.yaml`)
      .addOption(profile())
      .option('--fresh', 'a new run, even where the same job is done or under way')
      .option('--from <stage>', 'a new run in which this stage, and those that need it, are done again')
      .option('--yes', 'also where these are more than 50,000 cells')
      .option('--fit-memory', 'make the voxel grids of its recipes as large as their memory allows')
      .option('--dry-run', 'check the job and its files, start nothing')
      .action(async (path: string, { from, yes = false, fitMemory = false, ...options }: RunOptions) => {
        const { readJobFile, withProfile } = await import('./job-file.ts');
        const file = withProfile(await readJobFile(path, { yes, fitMemory }), options.profile);
        const { stagesFrom } = await import('./stages-from.ts');
        const anew = from === undefined ? [] : stagesFrom(file.job, from);
        return session(async (given) => {
          const how = { ...options, anew, detached: name === 'submit' };
          const { beginJob } = await import('./first-look.ts');
          if (!(await beginJob(given, file, how))) return;
          return (await import('./start-job.ts')).startJob(given, file, how);
        });
      });

  command(
    'optimize <program[:function]>',
    'make a Python function or a whole script faster',
    'crucible optimize slow.py:blur --cases cases.py',
  )
    .option(
      '--function <name>',
      'the slow function, if not after the program; without one the whole script is optimised',
    )
    .option(
      '--cases <file[:name]>',
      'makes inputs for the function: its make_case(seed) returns the arguments (default: they are made from what calls it)',
    )
    .option(
      '--record <command>',
      "a run of your own that calls the function, such as 'python main.py': inputs are made from those calls",
    )
    .option(
      '--accepts <file[:name]>',
      'judges answers where several are right: its accepts(arguments…, answer) returns True, False, or why not',
    )
    .option(
      '--oracle <file[:name]>',
      "what answers are compared with in place of the function's own: a slower function that is more exact",
    )
    .option('--args <arguments...>', 'command-line arguments of the script')
    .option('--outputs <patterns...>', 'files the script writes; they and standard output must stay the same')
    .option('--inputs <paths...>', 'files and folders the program reads or imports')
    .option(
      '--packages <names...>',
      'packages that programs find beside those of every sandbox: pandas, pyarrow>=20',
    )
    .option(
      '--ignore-lines <patterns...>',
      'lines a script prints that are not compared, as regular expressions',
    )
    .option('--name <name>', "the job's name (default: from the file and the function)")
    .option(
      '--tolerance <relative[,absolute]>',
      `how far numbers may be off (default: ${defaults.tolerance.relative.toExponential()} relative; 0 is exact)`,
      tolerance,
    )
    .addOption(
      createOption('--strategies <names...>', 'only these (default: all)').choices([...strategyNames]),
    )
    .option('--goal <times>', 'stop as soon as a verified speed-up is at least this', amount)
    .option('--trials <count>', `how many candidates to try (default: ${defaults.trials})`, wholeNumber)
    .option('--minutes <count>', `how long to try (default: ${defaults.wallMs / 60_000})`, amount)
    .option('--cores <count>', `threads a program may use (default: ${defaults.cores})`, wholeNumber)
    .option('--memory <MiB>', `memory a run may use (default: ${defaults.limits.memoryMb})`, wholeNumber)
    .option('--seed <number>', `of the search's own choices (default: ${defaults.seed})`, seedNumber)
    .option('--usd <amount>', 'what models may cost at most (default: no limit)', amount)
    .option('--tokens <count>', 'what models may read and write at most (default: no limit)', wholeNumber)
    .addOption(onFailure())
    .addOption(profile())
    .option('--out <folder>', 'write the program found there, as crucible export does')
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'check, start nothing')
    .option('--explain', 'list the strategies that apply, and why the others do not; try none')
    .option('--detached', 'return at once')
    .action(
      async (
        path: string,
        options: OptimizeOptions & BeginOptions & StartOptions & { explain?: boolean },
      ) => {
        const { jobFromOptions, lacksCases } = await import('./optimize-job.ts');
        const known = lacksCases(path, options) ? null : await jobFromOptions(path, options);
        return session(async (given) => {
          const file =
            known ?? (await (await import('./drafted-cases.ts')).jobWithDraftedCases(given, path, options));
          if (options.explain === true) return (await import('./explain.ts')).explainJob(given, file);
          const { beginJob } = await import('./first-look.ts');
          if (!(await beginJob(given, file, options))) return;
          return (await import('./start-job.ts')).startJob(given, file, options);
        });
      },
    );

  command(
    'solve <task>',
    'have a program written that does what is said in words',
    `crucible solve 'Count the words of notes.txt into counts.json' --inputs notes.txt --output 'counts.json: json'`,
  )
    .option('--inputs <paths...>', 'files and folders the program reads')
    .option(
      '--packages <names...>',
      'packages that programs find beside those of every sandbox: pandas, pyarrow>=20',
    )
    .option('--output <checks...>', "what it must write, and what is checked of it: 'grid.bin: voxels n=64'")
    .option(
      '--check <file[:name]>',
      'your own check of what it wrote: its check(inputs, outputs) gets two folders',
    )
    .option('--sample <path>', 'a small input in the place of the inputs, which a program must pass on first')
    .option(
      '--sample-rows <count>',
      'the same with so many rows of each CSV and JSON Lines, and files of each folder',
      wholeNumber,
    )
    .option('--hidden <paths...>', 'files that the check reads and no program sees')
    .option('--script <file>', 'a program to begin with')
    .option('--args <arguments...>', 'command-line arguments of the program')
    .option('--name <name>', "the job's name (default: from the task)")
    .option('--trials <count>', `how many programs to try (default: ${defaults.trials})`, wholeNumber)
    .option('--minutes <count>', `how long to try (default: ${defaults.wallMs / 60_000})`, amount)
    .option('--cores <count>', `threads a program may use (default: ${defaults.cores})`, wholeNumber)
    .option('--memory <MiB>', `memory a run may use (default: ${defaults.limits.memoryMb})`, wholeNumber)
    .option('--usd <amount>', 'what models may cost at most (default: no limit)', amount)
    .option('--tokens <count>', 'what models may read and write at most (default: no limit)', wholeNumber)
    .addOption(onFailure())
    .addOption(profile())
    .option('--out <folder>', 'write the program and its outputs there, as crucible export does')
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'check, start nothing')
    .option('--detached', 'return at once')
    .action(async (task: string, options: SolveOptions & BeginOptions & StartOptions) => {
      const file = await (await import('./solve-job.ts')).jobFromWords(task, options);
      return session(async (given) => {
        const { beginJob } = await import('./first-look.ts');
        if (!(await beginJob(given, file, options))) return;
        return (await import('./start-job.ts')).startJob(given, file, options);
      });
    });

  command(
    'fix <script> [args...]',
    'run a script as it is and, where it fails, find what is wrong and mend it',
    'crucible fix report.py --inputs data --apply -- --year 2024',
  )
    .option('--inputs <paths...>', 'files and folders the script reads or imports')
    .option('--output <checks...>', "what it must write, and what is checked of it: 'counts.json: json'")
    .option('--check <file[:name]>', 'judges what it wrote: its check(inputs, outputs), which get folders')
    .option('--hidden <paths...>', 'files and folders that the check reads, and no program')
    .option('--packages <names...>', 'packages it needs beside those of the sandbox')
    .option('--apply', 'write the fix into the script, after asking')
    .option('--yes', 'with --apply: do not ask')
    .option('--name <name>', "the job's name (default: from the script)")
    .option('--trials <count>', `how many fixes to try (default: ${defaults.fixTrials})`, wholeNumber)
    .option('--minutes <count>', `how long to try (default: ${defaults.wallMs / 60_000})`, amount)
    .option('--cores <count>', `threads it may use (default: ${defaults.cores})`, wholeNumber)
    .option('--memory <MiB>', `memory a run may use (default: ${defaults.limits.memoryMb})`, wholeNumber)
    .option('--usd <amount>', 'what models may cost at most (default: no limit)', amount)
    .option('--tokens <count>', 'what models may read and write at most (default: no limit)', wholeNumber)
    .addOption(profile())
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'check, start nothing')
    .action(
      async (
        script: string,
        args: string[],
        { trials = defaults.fixTrials, ...options }: FixOptions & ApplyOptions & BeginOptions & StartOptions,
      ) => {
        const file = await (await import('./fix-job.ts')).jobFromScript(script, args, { ...options, trials });
        return session(async (given) => {
          const { expectAnswerable, showFix } = await import('./fix.ts');
          expectAnswerable(options, given.context.json);
          const { beginJob } = await import('./first-look.ts');
          if (!(await beginJob(given, file, options))) return;
          const ended = (record: JobRecord) => showFix(given, record, file, options);
          return (await import('./start-job.ts')).startJob(given, file, { ...options, ended });
        });
      },
    );

  addFitCommand(line);
  addRecipeCommands(line);
}

/** Adds the command that learns from a table. */
function addFitCommand({ command, session }: CommandLine): void {
  command(
    'fit [table]',
    'learn to predict a column of a table: a model that can be trusted, and its score on rows nothing saw',
    'crucible fit data.csv --target price --minutes 5',
  )
    .option('--sql <query>', 'learn from the answer of a database, in place of a file; it is only read')
    .option(
      '--connection <variable>',
      'the environment variable with the URL of that database: postgresql://… or sqlite:FILE',
    )
    .option('--target <column>', 'the column to predict (default: one is proposed, and asked for)')
    .option('--metric <name>', `by what it is judged: ${Object.keys(metrics).join(', ')}`)
    .addOption(
      createOption('--task <what>', 'what the target is (default: by its values)').choices(learningTasks),
    )
    .option('--test <file>', 'rows that are kept for the end, in place of a share of the table')
    .option('--groups <column>', 'rows with the same value stay together')
    .option('--time <column>', 'rows are tested on a later time than they were learnt from')
    .option('--weights <column>', 'how much each row counts')
    .option('--drop <columns...>', 'columns that are not learnt from')
    .option('--kinds <values...>', 'what columns hold, COLUMN=KIND, where it is not what they look like')
    .option('--interpretable', 'only models that a person can read')
    .option('--no-experience', 'begin without what worked in earlier jobs')
    .option('--max-latency-ms <count>', 'what one row may take to be predicted', amount)
    .option('--minutes <count>', `how long to search (default: ${defaults.fit.wallMs / 60_000})`, amount)
    .option('--trials <count>', 'how many candidates to try (default: what the time allows)', wholeNumber)
    .option('--cores <count>', `candidates at once (default: ${defaults.fit.cores})`, wholeNumber)
    .option('--memory <MiB>', `memory a run may use (default: ${defaults.fit.memoryMb})`, wholeNumber)
    .option('--usd <amount>', 'what models may cost at most (default: no limit)', amount)
    .option('--tokens <count>', 'what models may read and write at most (default: no limit)', wholeNumber)
    .addOption(profile())
    .option('--seed <number>', `of the splits and the search (default: ${defaults.seed})`, seedNumber)
    .option('--name <name>', "the job's name (default: from the table and the target)")
    .option('--yes', 'take the target that is proposed')
    .option('--out <folder>', 'write what predicts there, as crucible export does')
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'look at the table, start nothing')
    .option('--detached', 'return at once')
    .action((table: string | undefined, options: FitOptions & BeginOptions & StartOptions) =>
      session(async (given) => {
        const { jobFromTable, tableFor } = await import('./fit-job.ts');
        const startedMs = performance.now();
        const asked = await tableFor(given, table, options);
        try {
          const { file, spentMs } = await jobFromTable(given, asked, options, startedMs);
          const { beginJob } = await import('./first-look.ts');
          if (!(await beginJob(given, file, options))) return;
          return await (await import('./start-job.ts')).startJob(given, file, { ...options, spentMs });
        } finally {
          await asked.remove();
        }
      }),
    );
}

/** The options of `crucible recipe run`. */
type RunRecipeOptions = { with: string[]; memory?: number; fitMemory?: boolean } & BeginOptions &
  StartOptions;

/** Adds the commands about programs that ship with Crucible; the first two need no store. */
function addRecipeCommands({ program, command, session, manner }: CommandLine): void {
  const recipe = program
    .command('recipe')
    .description('programs that ship with Crucible: list them, show one, run one');
  const context = async () => (await import('../server/session.ts')).outputTo(process.stdout, manner());

  command('list', 'the recipes there are', 'crucible recipe list', recipe).action(async () =>
    (await import('./recipe.ts')).listRecipes(await context()),
  );
  command(
    'show <name>',
    'what a recipe makes, and what it can be told',
    'crucible recipe show shape',
    recipe,
  ).action(async (name: string) => (await import('./recipe.ts')).showRecipe(await context(), name));
  command(
    'run <name> [values...]',
    'run one as a job; --NAME VALUE tells it something, and what it is not told has its default',
    'crucible recipe run voxel.text --text A --size 64 -o a.bin',
    recipe,
  )
    .allowUnknownOption()
    .option('--with <values...>', 'what it is told, NAME=VALUE', [])
    .option('--memory <MiB>', `memory the run may use (default: ${defaults.limits.memoryMb})`, wholeNumber)
    .option('--fit-memory', 'make its voxel grid as large as the memory allows')
    .option(
      '-o, --out <path>',
      'write what it made: as that file, or into that folder, as crucible export does',
    )
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'check, start nothing')
    .option('--detached', 'return at once')
    .action(
      async (name: string, typed: string[], { out, memory, fitMemory, ...options }: RunRecipeOptions) => {
        const { isFileOf, jobFromRecipe, writeMade } = await import('./recipe.ts');
        const file = (await isFileOf(name, out)) ? out : undefined;
        const job = await jobFromRecipe(name, { with: options.with, typed, file, memory, fitMemory });
        return session(async (given) => {
          const { beginJob } = await import('./first-look.ts');
          const into = file === undefined && out !== undefined ? { out } : {};
          if (!(await beginJob(given, job, { ...options, ...into }))) return;
          const ended = (record: JobRecord) =>
            file === undefined ? Promise.resolve() : writeMade(given.context, record, file);
          return (await import('./start-job.ts')).startJob(given, job, { ...options, ...into, ended });
        });
      },
    );
}

/** `1e-9`, or `1e-9,1e-12` where the second is absolute; 0 alone is exact. */
function tolerance(text: string): { relative: number; absolute?: number } {
  const [relative = Number.NaN, absolute, ...others] = text
    .split(',')
    .map(number('a number from 0 up, or two as in 1e-9,1e-12: relative and absolute', (value) => value >= 0));
  if (others.length > 0)
    throw new InvalidArgumentError('expected at most two numbers: relative and absolute');
  if (absolute !== undefined) return { relative, absolute };
  return relative === 0 ? { relative, absolute: 0 } : { relative };
}
