import type { Command } from 'commander';
import { type CommandContext, UserMistake } from '../terminal.ts';

/** What can be typed after a command: its options, and what stands for its first argument. */
interface Typed {
  name: string;
  description: string;
  options: { flag: string; description: string; takesValue: boolean; choices: readonly string[] }[];
  /** A job's name, a file, one of these words, or nothing. */
  argument: 'job' | 'file' | 'none' | readonly string[];
}

const shells = { bash, zsh, fish };

/** The script that makes `shell` complete commands, options and the names of jobs. Throws `UserMistake` for another shell. */
export function completionFor(shell: string, program: Command): string {
  if (!Object.hasOwn(shells, shell))
    throw new UserMistake(`expected one of ${Object.keys(shells).join(', ')}, got ${JSON.stringify(shell)}`);
  return shells[shell as keyof typeof shells](typedIn(program));
}

const mostNames = 100;

/** What a job can be called in a command, the latest first, each once. */
export async function printJobNames({ store, out }: CommandContext): Promise<void> {
  const jobs = await store.ledger.jobs({ limit: mostNames });
  for (const name of new Set(['latest', ...jobs.flatMap((job) => [job.name, job.id])])) out(name);
}

function typedIn(program: Command): Typed[] {
  const help = program.createHelp();
  return help.visibleCommands(program).map((command) => {
    const nested = help.visibleCommands(command).filter((each) => each.name() !== 'help');
    const first = command.registeredArguments[0]?.name() ?? '';
    return {
      name: command.name(),
      description: command.description(),
      options: help.visibleOptions(command).map((option) => ({
        flag: option.long ?? option.short ?? '',
        description: option.description,
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
      })),
      argument:
        command.name() === 'help'
          ? help.visibleCommands(program).map((each) => each.name())
          : command.name() === 'completion'
            ? Object.keys(shells)
            : nested.length > 0
              ? nested.map((each) => each.name())
              : first === 'job'
                ? 'job'
                : first === ''
                  ? 'none'
                  : 'file',
    };
  });
}

/** In quotes for bash and zsh, and for fish, which knows the backslash in them. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** The command is called as it was typed: it may be no more than a path. */
const jobNames = (command: string): string => `$(${command} job-names 2>/dev/null)`;

function bash(commands: readonly Typed[]): string {
  const cases = commands.map(({ name, options, argument }) => {
    const words =
      argument === 'job' ? jobNames('"$program"') : typeof argument === 'string' ? '' : argument.join(' ');
    return `    ${name}) options=${quoted(options.map(({ flag }) => flag).join(' '))}; [[ $word == -* ]] || words="${words}";;`;
  });
  const choices = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flag, choices: each }) =>
      each.length === 0
        ? []
        : [
            `    ${quoted(`${name} ${flag}`)}) COMPREPLY=($(compgen -W ${quoted(each.join(' '))} -- "$word")); return;;`,
          ],
    ),
  );
  return `# source <(crucible completion bash)
_crucible() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} program=\${COMP_WORDS[0]} command=\${COMP_WORDS[1]} options= words=
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quoted(`${commands.map(({ name }) => name).join(' ')} --version --help`)} -- "$word"))
    return
  fi
  case "$command $before" in
${choices.join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$word")); fi
}
complete -o bashdefault -o default -F _crucible crucible crucible.mjs`;
}

function zsh(commands: readonly Typed[]): string {
  const plain = (text: string): string => text.replaceAll(/[[\]:]/g, ' ');
  const cases = commands.map(({ name, options, argument }) => {
    const specs = options.map(({ flag, description, takesValue, choices }) => {
      const value = !takesValue ? '' : choices.length > 0 ? `:value:(${choices.join(' ')})` : ':value:_files';
      return quoted(`${flag}[${plain(description)}]${value}`);
    });
    const first =
      argument === 'job'
        ? ["'1:job:_crucible_jobs'"]
        : argument === 'file'
          ? ["'1:file:_files'"]
          : argument === 'none'
            ? []
            : [quoted(`1:word:(${argument.join(' ')})`)];
    return `    ${name}) _arguments ${[...first, ...specs].join(' ')};;`;
  });
  return `#compdef crucible crucible.mjs
# source <(crucible completion zsh), below compinit
_crucible_jobs() { local -a jobs; jobs=(\${(f)"${jobNames('$crucible_program')}"}); compadd -a jobs }
_crucible() {
  local crucible_program=$words[1]
  if ((CURRENT == 2)); then
    local -a commands
    commands=(${commands.map(({ name, description }) => quoted(`${name}:${plain(description)}`)).join(' ')})
    _describe command commands
    return
  fi
  shift words
  ((CURRENT -= 1))
  case $words[1] in
${cases.join('\n')}
  esac
}
compdef _crucible crucible crucible.mjs`;
}

function fish(commands: readonly Typed[]): string {
  const lines = commands.flatMap(({ name, description, options, argument }) => {
    const within = `-n '__fish_seen_subcommand_from ${name}'`;
    const words =
      argument === 'job'
        ? [`complete -c crucible ${within} -f -a '(crucible job-names 2>/dev/null)'`]
        : typeof argument === 'string'
          ? []
          : [`complete -c crucible ${within} -f -a ${fishQuoted(argument.join(' '))}`];
    return [
      `complete -c crucible -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(description)}`,
      ...words,
      ...options.map(({ flag, description: what, takesValue, choices }) => {
        const value = !takesValue
          ? ''
          : choices.length > 0
            ? ` -x -a ${fishQuoted(choices.join(' '))}`
            : ' -r';
        return `complete -c crucible ${within} -l ${flag.replace(/^--/, '')}${value} -d ${fishQuoted(what)}`;
      }),
    ];
  });
  return `# crucible completion fish | source\n${lines.join('\n')}`;
}
