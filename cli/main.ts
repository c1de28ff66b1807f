import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, createCommand, createOption, InvalidArgumentError, type Option } from 'commander';
import { defaults } from '../domain/defaults.ts';
import type { Models } from '../domain/job.schema.ts';
import { strategyNames } from '../domain/strategy-names.ts';
import { exitStatus, exitStatusHelp } from './exit-status.ts';
import { complaintOf, statusOf } from './mistakes.ts';
import type { Manner, Session } from './server/session.ts';
import type { BeginOptions } from './start/first-look.ts';
import type { OptimizeOptions } from './start/optimize-job.ts';
import type { StartOptions } from './start/start-job.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/** Commands load what they need when they run: help and mistakes are answered at once. */
const program = createCommand('crucible')
  .description('Writes, compiles, runs, measures and improves programs, as durable Temporal workflows.')
  .version(versionOf(), '--version', 'the version')
  .option('--json', 'machine-readable output')
  .option('--quiet', 'say what came out, and nothing before')
  .showHelpAfterError('(crucible help COMMAND shows an example)')
  .addHelpText('after', `\n${exitStatusHelp}`)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitStatus.found : exitStatus.usage))
  .configureHelp({ sortSubcommands: false });

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(resolve(project, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** Runs `act` with the store open, as `inSession` does. */
async function session(act: (session: Session) => Promise<unknown>): Promise<void> {
  await (await import('./server/session.ts')).inSession(manner(), act);
}

function manner(): Manner {
  const { json = false, quiet = false } = program.opts<{ json?: boolean; quiet?: boolean }>();
  return { json, quiet };
}

/** Reads a number as it is typed: `5`, `$5`, `10×`. */
const number =
  (expected: string, fits: (value: number) => boolean) =>
  (text: string): number => {
    const digits = text.replace(/^\$|[x×]$/g, '').trim();
    const value = Number(digits);
    if (digits === '' || !fits(value)) throw new InvalidArgumentError(`expected ${expected}`);
    return value;
  };
const wholeNumber = number('a whole number from 1 up', (value) => Number.isInteger(value) && value > 0);
const seedNumber = number('a whole number from 0 up', (value) => Number.isInteger(value) && value >= 0);
const amount = number('a number above 0', (value) => value > 0 && Number.isFinite(value));

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

/** What has ended at the server is not shown as running; the client is loaded only where a job is open. */
async function closeEnded(config: Session['config'], { store }: Session['context']): Promise<void> {
  if ((await store.ledger.openJobs()).length === 0) return;
  await (await import('./server/with-server.ts')).closeEndedJobs(config, store);
}

type Profile = NonNullable<Models['profile']>;
const profile = (): Option =>
  createOption(
    '--profile <profile>',
    'how models are chosen where the job names none: dev is the cheapest, best the strongest',
  ).choices(['dev', 'best'] satisfies Profile[]);

const command = (usage: string, description: string, example: string): Command =>
  program
    .command(usage)
    .description(description)
    .option('--json', 'machine-readable output')
    .option('--quiet', 'say what came out, and nothing before')
    .addHelpText('after', `\nExample:\n  ${example}`)
    .hook('preAction', (_, self) => {
      for (const [name, value] of Object.entries(self.opts()))
        if ((name === 'json' || name === 'quiet') && value === true) program.setOptionValue(name, true);
    });

// start

command('start', 'run the main example: server, worker, job, picture, report', 'crucible start --fresh')
  .option('--fresh', 'do all of it again')
  .action(({ fresh = false }: { fresh?: boolean }) =>
    session(async ({ config, context, signal }) =>
      (await import('./start/main-example.ts')).start(context, config, { fresh, signal }),
    ),
  );

for (const [name, description] of [
  ['run', 'submit a job and watch it to its end; Ctrl-C leaves it running'],
  ['submit', 'submit a job and return at once'],
] as const)
  command(`${name} <job-file>`, description, `crucible ${name} examples/start.yaml`)
    .addOption(profile())
    .option('--fresh', 'a new run, even where the same job is done or under way')
    .option('--dry-run', 'check the job and its files, start nothing')
    .action(async (path: string, options: { profile?: Profile; fresh?: boolean; dryRun?: boolean }) => {
      const { readJobFile, withProfile } = await import('./start/job-file.ts');
      const file = withProfile(await readJobFile(path), options.profile);
      return session(async (given) => {
        const how = { ...options, detached: name === 'submit' };
        const { beginJob } = await import('./start/first-look.ts');
        if (!(await beginJob(given.context, file, how))) return;
        return (await import('./start/start-job.ts')).startJob(given, file, how);
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
  .option('--cases <file[:name]>', 'makes inputs for the function: its make_case(seed) returns the arguments')
  .option('--args <arguments...>', 'command-line arguments of the script')
  .option('--outputs <patterns...>', 'files the script writes; they and standard output must stay the same')
  .option('--inputs <paths...>', 'files and folders the program reads or imports')
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
  .addOption(createOption('--strategies <names...>', 'only these (default: all)').choices([...strategyNames]))
  .option('--goal <times>', 'stop as soon as a verified speed-up is at least this', amount)
  .option('--trials <count>', `how many candidates to try (default: ${defaults.trials})`, wholeNumber)
  .option('--minutes <count>', `how long to try (default: ${defaults.wallMs / 60_000})`, amount)
  .option('--cores <count>', `threads a program may use (default: ${defaults.cores})`, wholeNumber)
  .option('--memory <MiB>', `memory a run may use (default: ${defaults.limits.memoryMb})`, wholeNumber)
  .option('--seed <number>', `of the search's own choices (default: ${defaults.seed})`, seedNumber)
  .option('--usd <amount>', 'what models may cost at most (default: no limit)', amount)
  .option('--tokens <count>', 'what models may read and write at most (default: no limit)', wholeNumber)
  .addOption(profile())
  .option('--out <folder>', 'write the program found there, as crucible export does')
  .option('--fresh', 'a new run, even where the same job is done or under way')
  .option('--dry-run', 'check, start nothing')
  .option('--detached', 'return at once')
  .action(async (path: string, options: OptimizeOptions & BeginOptions & StartOptions) => {
    const { jobFromOptions } = await import('./start/optimize-job.ts');
    const file = await jobFromOptions(path, options);
    return session(async (given) => {
      const { beginJob } = await import('./start/first-look.ts');
      if (!(await beginJob(given.context, file, options))) return;
      return (await import('./start/start-job.ts')).startJob(given, file, options);
    });
  });

// follow

command('list', 'jobs, newest first', 'crucible list --status running')
  .option('--status <status>', 'running, finished, failed or cancelled')
  .option('--limit <count>', 'how many', wholeNumber, 20)
  .action((options: { status?: string; limit: number }) =>
    session(async ({ config, context }) => {
      await closeEnded(config, context);
      return (await import('./follow/list.ts')).list(context, options);
    }),
  );

command('watch <job>', 'follow a job live', 'crucible watch start').action((job: string) =>
  session(async ({ config, context, signal }) => {
    await closeEnded(config, context);
    return (await import('./follow/watch.ts')).watch(context, { job, signal });
  }),
);

command('show <job> [candidate]', 'a job, or one of its candidates', 'crucible show start/faster c-1 --diff')
  .option('--diff', 'what a candidate changed', false)
  .option('--program', "a candidate's source", false)
  .option('--log', "a candidate's build log or standard error", false)
  .option('--prompt', 'what models were asked for a candidate, and what they replied', false)
  .action(
    (
      job: string,
      candidate: string | undefined,
      options: { diff: boolean; program: boolean; log: boolean; prompt: boolean },
    ) =>
      session(async ({ config, context }) => {
        await closeEnded(config, context);
        return (await import('./follow/show.ts')).show(context, {
          ...options,
          job,
          ...(candidate === undefined ? {} : { candidate }),
        });
      }),
  );

command('spend [job]', 'what models were asked and paid', 'crucible spend --by model --since 2026-11-01')
  .option('--by <group>', 'job, model, day or experiment', 'job')
  .option('--since <date>', 'requests from then on')
  .action((job: string | undefined, options: { by: string; since?: string }) =>
    session(async ({ context }) =>
      (await import('./follow/spend.ts')).spend(context, {
        ...options,
        ...(job === undefined ? {} : { job }),
      }),
    ),
  );

const modelsCommand = command(
  'models',
  'the models there are, what they cost and how they did',
  'crucible models --all',
)
  .option('--all', 'also those that lack a key', false)
  .action(({ all }: { all: boolean }) =>
    session(async ({ config, context }) =>
      (await import('./set-up/models.ts')).models(context, config.models, { all }),
    ),
  );

modelsCommand
  .command('test [routes...]')
  .description('ask each configured model, or those named, for one word')
  .addHelpText('after', '\nExample:\n  crucible models test anthropic/claude-haiku-5-5')
  .action((names: string[]) =>
    session(async ({ config, context, signal }) =>
      (await import('./set-up/models.ts')).testModels(context, config.models, { names, signal }),
    ),
  );

command('logs <job>', 'what was done and why', 'crucible logs start --follow')
  .option('--follow', 'until the job is done', false)
  .action((job: string, { follow }: { follow: boolean }) =>
    session(async ({ context, signal }) =>
      (await import('./follow/logs.ts')).logs(context, { job, follow, signal }),
    ),
  );

command('report <job>', 'write the HTML report', 'crucible report start --out report.html')
  .option('--out <file>', 'where to')
  .option('--force', 'overwrite what is there', false)
  .action((job: string, options: { out?: string; force: boolean }) =>
    session(async ({ context }) => (await import('./follow/report.ts')).report(context, { ...options, job })),
  );

// steer

command('cancel <job>', 'end a job; its best so far and its report are kept', 'crucible cancel start').action(
  (job: string) =>
    session(async ({ config, context }) =>
      (await import('./steer/cancel.ts')).cancelJob(config, context, job),
    ),
);

command(
  'resume <job>',
  'take up a job that has ended, out of budget or cut short; what it did is not done again',
  'crucible resume start --budget usd=5 trials=20',
)
  .option(
    '--budget <amounts...>',
    'the new budget: usd=, tokens=, trials=, minutes=; a bare number is dollars',
  )
  .option('--detached', 'return at once')
  .action((job: string, options: { budget?: string[]; detached?: boolean }) =>
    session(async (given) => (await import('./steer/resume.ts')).resumeJob(given, job, options)),
  );

// keep

command(
  'export <job>',
  'the best program as a folder that works without Crucible',
  'crucible export start --out faster',
)
  .option('--out <folder>', 'where to')
  .option('--force', 'overwrite what is there', false)
  .action((job: string, options: { out?: string; force: boolean }) =>
    session(async ({ context }) =>
      (await import('./keep/export.ts')).exportJob(context, { ...options, job }),
    ),
  );

command(
  'verify <job>',
  "judge and measure a finished job's best again, in new sandboxes and, a function, with new secret inputs",
  'crucible verify start',
).action((job: string) => session(async (given) => (await import('./keep/verify.ts')).verifyJob(given, job)));

// set up

command('up', 'start the server and a worker in the background', 'crucible up --port 7300')
  .option('--port <number>', "the server's port; its UI is 1000 above", wholeNumber)
  .addOption(createOption('--beside-server', 'for the worker whose server has died').hideHelp())
  .action((options: { port?: number; besideServer?: true }) =>
    session(async ({ config, context, signal }) =>
      (await import('./set-up/up.ts')).bringUp(config, context, { ...options, signal }),
    ),
  );

// Without the store: a full or damaged disk must not keep a server up.
command('down', 'stop them; open jobs go on at the next up', 'crucible down').action(async () => {
  const { readHome } = await import('../workers/config.ts');
  const { down } = await import('./server/embedded.ts');
  const stopped = await down(readHome(process.env), console.log);
  console.log(stopped ? 'stopped' : 'nothing was running');
});

command('worker', 'run a worker in the foreground', 'crucible worker --role sandbox')
  .option('--role <role>', 'orchestrate, model, sandbox, bench or all', 'all')
  .action(async ({ role }: { role: string }) => (await import('./set-up/worker.ts')).runWorker(role));

command('doctor', 'what this machine has and lacks', 'crucible doctor')
  .option('--clean', 'remove sandboxes that jobs left behind', false)
  .action(({ clean }: { clean: boolean }) =>
    clean
      ? session(async ({ config, context }) => {
          await (await import('./set-up/sweep.ts')).sweepSandboxes(config, context);
          return (await import('./set-up/doctor.ts')).doctor(context, process.env);
        })
      : inspect(),
  );

/** Without the store, and whatever is wrong with the settings: that is what `doctor` is to say. */
async function inspect(): Promise<void> {
  const [{ doctor }, { outputTo }] = await Promise.all([
    import('./set-up/doctor.ts'),
    import('./server/session.ts'),
  ]);
  if (!(await doctor(outputTo(process.stdout, manner()), process.env))) process.exitCode = exitStatus.failed;
}

command(
  'completion <shell>',
  'the completion of this command line for bash, zsh or fish',
  'source <(crucible completion bash)',
).action(async (shell: string) =>
  console.log((await import('./set-up/completion.ts')).completionFor(shell, program)),
);

program
  .command('job-names', { hidden: true })
  .description('what a job can be called, one name a line: for completion')
  .action(() =>
    session(async ({ context }) => (await import('./set-up/completion.ts')).printJobNames(context)),
  );

/** What is set already stays; the folder at hand comes before the project. Loaded only where there is such a file. */
async function readSettings(): Promise<void> {
  const files = [
    ...(resolve('.env') === resolve(project, '.env') ? [] : [{ path: resolve('.env'), trusted: false }]),
    { path: resolve(project, '.env'), trusted: true },
  ];
  if (!files.some(({ path }) => existsSync(path))) return;
  const { readEnvFiles } = await import('./env-files.ts');
  for (const line of readEnvFiles(files, process.env)) console.error(line);
}

/** Ends with what is to be said of `error`, on one line. */
async function complain(error: unknown): Promise<void> {
  const { clean } = await import('./terminal.ts');
  console.error(clean(complaintOf(error, { traced: process.env.CRUCIBLE_LOG === 'debug' })));
  process.exitCode = statusOf(error);
}

process.on('uncaughtException', (error) => void complain(error).finally(() => process.exit()));
try {
  await readSettings();
  await program.parseAsync();
} catch (error) {
  await complain(error);
}
