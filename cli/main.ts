import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, createCommand, createOption, InvalidArgumentError, type Option } from 'commander';
import type { Models } from '../domain/job.schema.ts';
import { openStore, type Store } from '../store/store.ts';
import { readConfig, readHome } from '../workers/config.ts';
import type { Session } from './run.ts';
import { type CommandContext, UserMistake } from './terminal.ts';

/** Commands load what they need when they run: help and mistakes are answered at once. */
const program = createCommand('crucible')
  .description('Writes, compiles, runs, measures and improves programs, as durable Temporal workflows.')
  .option('--json', 'machine-readable output')
  .showHelpAfterError('(crucible help COMMAND shows an example)')
  .configureHelp({ sortSubcommands: false });

/** Opens the store, runs `act`, closes it; `act` returning false is exit status 1. */
async function session(act: (session: Session) => Promise<unknown>): Promise<void> {
  const config = readConfig(process.env);
  const interrupt = new AbortController();
  let first = 0;
  const stop = (): void => {
    // npm and the terminal both pass a Ctrl-C on: only one that comes later is a second one, which does not wait.
    if (first > 0 && Date.now() - first > 1_000) process.exit(130);
    first ||= Date.now();
    interrupt.abort(new UserMistake('interrupted'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const store = await storeIn(config.home);
  const context: CommandContext = {
    store,
    json: program.opts<{ json?: true }>().json === true,
    out: (line) => console.log(line),
    terminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 100,
  };
  try {
    if ((await act({ config, context, signal: interrupt.signal })) === false) process.exitCode = 1;
  } finally {
    await store.close();
  }
}

/** Throws `UserMistake` where no store can be kept in `home`. */
async function storeIn(home: string): Promise<Store> {
  const { makeHome } = await import('./home.ts');
  await makeHome(home);
  try {
    return await openStore(home);
  } catch (error) {
    if (isForPeople(error)) throw error;
    throw new UserMistake(
      `${home}: expected Crucible's store, which cannot be opened: ${error instanceof Error ? error.message : error}. Move it away, or set CRUCIBLE_HOME to another folder`,
      { cause: error },
    );
  }
}

/** What has ended at the server is not shown as running; the client is loaded only where a job is open. */
async function closeEnded(config: Session['config'], { store }: CommandContext): Promise<void> {
  if ((await store.ledger.openJobs()).length === 0) return;
  await (await import('./run.ts')).closeEndedJobs(config, store);
}

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('expected a whole number from 1 up');
  return value;
};

const amount = (text: string): number => {
  const value = Number(text.replace(/^\$/, ''));
  if (!(value > 0)) throw new InvalidArgumentError('expected a number above 0');
  return value;
};

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
    .addHelpText('after', `\nExample:\n  ${example}`)
    .hook('preAction', (_, self) => {
      if (self.opts<{ json?: true }>().json === true) program.setOptionValue('json', true);
    });

// start

command('start', 'run the main example: server, worker, job, picture, report', 'crucible start --fresh')
  .option('--fresh', 'do all of it again')
  .action(({ fresh = false }: { fresh?: boolean }) =>
    session(async ({ config, context, signal }) =>
      (await import('./start.ts')).start(context, config, { fresh, signal }),
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
      const { readJobFile, withProfile } = await import('./job-file.ts');
      const file = withProfile(await readJobFile(path), options.profile);
      return session(async (given) => {
        const { startJob } = await import('./run.ts');
        return startJob(given, file, { ...options, detached: name === 'submit' });
      });
    });

command(
  'optimize <program>',
  'make a Python function or a whole script faster',
  'crucible optimize slow.py --function blur --cases cases.py',
)
  .option('--function <name>', 'the slow function; without it the whole script is optimised')
  .option('--cases <file[:name]>', 'makes inputs for the function: its make_case(seed)')
  .option('--args <arguments...>', 'command-line arguments of the script')
  .option('--outputs <patterns...>', 'files the script writes; they and standard output must stay the same')
  .option('--inputs <paths...>', 'files and folders the program reads')
  .option(
    '--ignore-lines <patterns...>',
    'lines a script prints that are not compared, as regular expressions',
  )
  .option('--trials <count>', 'how many candidates to try', wholeNumber)
  .option('--usd <amount>', 'what models may cost at most', amount)
  .option('--tokens <count>', 'what models may read and write at most', wholeNumber)
  .addOption(profile())
  .option('--fresh', 'a new run, even where the same job is done or under way')
  .option('--dry-run', 'check, start nothing')
  .option('--detached', 'return at once')
  .action((path: string, options: OptimizeOptions) =>
    session(async (given) => {
      const { jobFromOptions, startJob } = await import('./run.ts');
      return startJob(given, await jobFromOptions(path, options), options);
    }),
  );

export interface OptimizeOptions {
  function?: string;
  cases?: string;
  args?: string[];
  outputs?: string[];
  inputs?: string[];
  ignoreLines?: string[];
  trials?: number;
  usd?: number;
  tokens?: number;
  profile?: Profile;
  fresh?: boolean;
  dryRun?: boolean;
  detached?: boolean;
}

// follow

command('list', 'jobs, newest first', 'crucible list --status running')
  .option('--status <status>', 'running, finished, failed or cancelled')
  .option('--limit <count>', 'how many', wholeNumber, 20)
  .action((options: { status?: string; limit: number }) =>
    session(async ({ config, context }) => {
      await closeEnded(config, context);
      return (await import('./list.ts')).list(context, options);
    }),
  );

command('watch <job>', 'follow a job live', 'crucible watch start').action((job: string) =>
  session(async ({ config, context, signal }) => {
    await closeEnded(config, context);
    return (await import('./watch.ts')).watch(context, { job, signal });
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
        return (await import('./show.ts')).show(context, {
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
      (await import('./spend.ts')).spend(context, { ...options, ...(job === undefined ? {} : { job }) }),
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
      (await import('./models.ts')).models(context, config.models, { all }),
    ),
  );

modelsCommand
  .command('test [routes...]')
  .description('ask each configured model, or those named, for one word')
  .addHelpText('after', '\nExample:\n  crucible models test anthropic/claude-haiku-5-5')
  .action((names: string[]) =>
    session(async ({ config, context, signal }) =>
      (await import('./models.ts')).testModels(context, config.models, { names, signal }),
    ),
  );

command('logs <job>', 'what was done and why', 'crucible logs start --follow')
  .option('--follow', 'until the job is done', false)
  .action((job: string, { follow }: { follow: boolean }) =>
    session(async ({ context, signal }) =>
      (await import('./logs.ts')).logs(context, { job, follow, signal }),
    ),
  );

command('report <job>', 'write the HTML report', 'crucible report start --out report.html')
  .option('--out <file>', 'where to')
  .option('--force', 'overwrite what is there', false)
  .action((job: string, options: { out?: string; force: boolean }) =>
    session(async ({ context }) => (await import('./report.ts')).report(context, { ...options, job })),
  );

// steer

command('cancel <job>', 'end a job; its best so far and its report are kept', 'crucible cancel start').action(
  (job: string) =>
    session(async ({ config, context }) => (await import('./run.ts')).cancelJob(config, context, job)),
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
    session(async (given) => (await import('./run.ts')).resumeJob(given, job, options)),
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
    session(async ({ context }) => (await import('./export.ts')).exportJob(context, { ...options, job })),
  );

command(
  'verify <job>',
  "judge and measure a finished job's best again, with new secret inputs",
  'crucible verify start',
).action((job: string) => session(async (given) => (await import('./run.ts')).verifyJob(given, job)));

// set up

command('up', 'start the server and a worker in the background', 'crucible up --port 7300')
  .option('--port <number>', "the server's port; its UI is 1000 above", wholeNumber)
  .addOption(createOption('--beside-server', 'for the worker whose server has died').hideHelp())
  .action((options: { port?: number; besideServer?: true }) =>
    session(async ({ config, context, signal }) =>
      (await import('./run.ts')).bringUp(config, context, { ...options, signal }),
    ),
  );

// Without the store: a full or damaged disk must not keep a server up.
command('down', 'stop them; open jobs go on at the next up', 'crucible down').action(async () => {
  const { down } = await import('./server.ts');
  const stopped = await down(readHome(process.env), console.log);
  console.log(stopped ? 'stopped' : 'nothing was running');
});

command('worker', 'run a worker in the foreground', 'crucible worker --role sandbox')
  .option('--role <role>', 'orchestrate, model, sandbox, bench or all', 'all')
  .action(async ({ role }: { role: string }) => (await import('./run.ts')).runWorker(role));

command('doctor', 'what this machine has and lacks', 'crucible doctor')
  .option('--clean', 'remove sandboxes that jobs left behind', false)
  .action(({ clean }: { clean: boolean }) =>
    session(async ({ config, context }) => {
      if (clean) await (await import('./run.ts')).sweepSandboxes(config, context);
      return (await import('./doctor.ts')).doctor(context);
    }),
  );

/** What is set already stays; the folder at hand comes before the project. */
function readEnvFiles(): void {
  for (const path of new Set([resolve('.env'), fileURLToPath(new URL('../.env', import.meta.url))])) {
    try {
      process.loadEnvFile(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // A folder of that name is a Python environment.
      if (code !== 'ENOENT' && code !== 'EISDIR')
        throw new UserMistake(`${path}: expected lines NAME=value: ${error}`, { cause: error });
    }
  }
}

try {
  readEnvFiles();
  await program.parseAsync();
} catch (error) {
  if (!isForPeople(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** Errors that are answers: their message is all there is to say. */
function isForPeople(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const names = [
    'UserMistake',
    'ConfigWrong',
    'NoSandbox',
    'SandboxUnavailable',
    'StorageFull',
    'JobRejected',
  ];
  return names.includes(error.name);
}
