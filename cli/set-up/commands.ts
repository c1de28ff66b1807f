import { createOption } from 'commander';
import { exitStatus } from '../exit-status.ts';
import { type CommandLine, wholeNumber } from '../program.ts';
import type { Manner } from '../server/session.ts';

/** Adds the commands that look after the machine, its server and its workers. */
export function addSetUpCommands({ program, command, session, manner }: CommandLine): void {
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

  command('up', 'start the server and a worker in the background', 'crucible up --port 7300')
    .option('--port <number>', "the server's port; its UI is 1000 above", wholeNumber)
    .addOption(createOption('--beside-server', 'for the worker whose server has died').hideHelp())
    .action((options: { port?: number; besideServer?: true }) =>
      session(async ({ config, context, signal }) =>
        (await import('./up.ts')).bringUp(config, context, { ...options, signal }),
      ),
    );

  // Without the store: a full or damaged disk must not keep a server up.
  command('down', 'stop them; open jobs go on at the next up', 'crucible down').action(async () => {
    const { readHome } = await import('../../workers/config.ts');
    const { down } = await import('../server/embedded.ts');
    const stopped = await down(readHome(process.env), console.log);
    console.log(stopped ? 'stopped' : 'nothing was running');
  });

  command(
    'codec',
    'open sealed histories for the Temporal UI',
    'crucible codec --origin http://localhost:8233',
  )
    .option('--port <n>', 'where it answers, on this machine alone', '8081')
    .requiredOption('--origin <url>', 'the address of the UI')
    .action(async (options: { port: string; origin: string }) =>
      (await import('./codec.ts')).runCodec(options),
    );

  command('worker', 'run a worker in the foreground', 'crucible worker --role sandbox')
    .option('--role <role>', 'orchestrate, model, sandbox, bench or all', 'all')
    .action(async ({ role }: { role: string }) => (await import('./worker.ts')).runWorker(role));

  command('doctor', 'what this machine has and lacks', 'crucible doctor')
    .option('--clean', 'remove sandboxes that jobs left behind', false)
    .action(({ clean }: { clean: boolean }) =>
      clean
        ? session(async ({ config, context }) => {
            await (await import('./sweep.ts')).sweepSandboxes(config, context);
            return (await import('./doctor.ts')).doctor(context, process.env);
          })
        : inspect(manner()),
    );

  command(
    'completion <shell>',
    'the completion of this command line for bash, zsh or fish',
    'source <(crucible completion bash)',
  ).action(async (shell: string) =>
    console.log((await import('./completion.ts')).completionFor(shell, program)),
  );

  program
    .command('job-names', { hidden: true })
    .description('what a job can be called, one name a line: for completion')
    .action(() => session(async ({ context }) => (await import('./completion.ts')).printJobNames(context)));
}

/** Without the store, and whatever is wrong with the settings: that is what `doctor` is to say. */
async function inspect(manner: Manner): Promise<void> {
  const [{ doctor }, { outputTo }] = await Promise.all([
    import('./doctor.ts'),
    import('../server/session.ts'),
  ]);
  if (!(await doctor(outputTo(process.stdout, manner), process.env))) process.exitCode = exitStatus.failed;
}
