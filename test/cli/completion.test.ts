import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../store/store.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';
import { openJob } from './kept-jobs.ts';

/** Completes what is typed, as far as there is one way: prints the line where it became `wanted`, and what came instead. */
const inZsh = (script: string): string => `
zmodload zsh/zpty zsh/datetime
until_seen() {
  local until=$((EPOCHSECONDS + 60)) part
  while [[ $seen != *"$1"* ]] && ((EPOCHSECONDS < until)); do
    if zpty -rt shell part; then seen+=$part; else sleep 0.05; fi
  done
}
zpty shell zsh -f -i
zpty -w shell "PS1=; autoload -U compinit; compinit -u -D; source ${script}; bindkey '^I' complete-word; print REA''DY"
until_seen READY
seen=
zpty -wn shell "$1"$'\\t'
until_seen "$2"
zpty -d shell
if [[ $seen == *"$2"* ]]; then print -r -- "$2"; else print -r -- "$seen"; fi
`;

/** Those of the other shells that this machine has. */
const others = ['fish', 'zsh'].filter((shell) => spawnSync(shell, ['--version']).status === 0);

describe('the completion', () => {
  it('for bash gives commands, options, their choices and the names of jobs', async () => {
    const home = await temporaryFolder();
    const store = await openStore(home);
    await openJob(store, { kind: 'solve', name: 'drawn', script: 'a.py' }, { id: 'solve/drawn/x.1' });
    await store.close();
    const script = await crucible(['completion', 'bash'], { home });
    const names = await crucible(['job-names'], { home });
    expect(names.out.split('\n')).toEqual(['latest', 'drawn', 'solve/drawn/x.1', '']);
    const file = join(home, 'completion.bash');
    await writeFile(file, script.out);
    const completed = (...words: string[]): string[] =>
      execFileSync(
        'bash',
        [
          '-c',
          `crucible() { printf 'latest\\ndrawn\\n'; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _crucible; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          file,
          'crucible',
          ...words,
        ],
        { encoding: 'utf8' },
      )
        .trim()
        .split('\n');
    expect(completed('opt')).toEqual(['optimize']);
    expect(completed('show', 'dr')).toEqual(['drawn']);
    expect(completed('optimize', '--tol')).toEqual(['--tolerance']);
    expect(completed('optimize', 'a.py', '--profile', '')).toEqual(['dev', 'best']);
    expect(completed('models', 't')).toEqual(['test']);
    expect(completed('optimize', 'a')).toEqual(['']);
  });

  it.each(others)(
    'for %s completes commands, options, their choices, names of jobs and files',
    async (shell) => {
      const home = await temporaryFolder();
      const script = join(home, 'completion');
      await writeFile(script, (await crucible(['completion', shell], { home })).out);
      await writeFile(join(home, 'slow.py'), '');
      const program = join(home, 'crucible');
      await writeFile(program, '#!/bin/sh\n[ "$1" != job-names ] || printf "latest\\ndrawn\\n"\n', {
        mode: 0o755,
      });
      const env = { ...process.env, HOME: home, TERM: 'dumb', PATH: `${home}:${process.env.PATH}` };
      const run = (...args: string[]): string =>
        execFileSync(shell, args, { encoding: 'utf8', cwd: home, env }).trim();
      const completed = (typed: string, wanted: string): string => {
        if (shell === 'zsh') return run('-f', '-c', inZsh(script), 'zsh', typed, wanted);
        const [word = ''] = run('--no-config', '-c', `source ${script}; complete -C '${typed}'`).split('\t');
        return typed.slice(0, typed.lastIndexOf(' ') + 1) + word;
      };
      for (const [typed, whole] of [
        ['crucible opt', 'crucible optimize'],
        ['crucible show dr', 'crucible show drawn'],
        ['crucible show drawn --di', 'crucible show drawn --diff'],
        ['crucible optimize --tol', 'crucible optimize --tolerance'],
        ['crucible optimize slow.py --profile b', 'crucible optimize slow.py --profile best'],
        ['crucible models t', 'crucible models test'],
        ['crucible optimize sl', 'crucible optimize slow.py'],
      ] as const)
        expect(completed(typed, whole)).toBe(whole);
    },
  );

  it('is there for zsh and fish too, and refused for what is no shell', async () => {
    const home = await temporaryFolder();
    const [zsh, fish, other] = await Promise.all(
      ['zsh', 'fish', 'tcl'].map((shell) => crucible(['completion', shell], { home })),
    );
    expect(zsh?.out).toContain('compdef _crucible crucible');
    expect(zsh?.out).toMatch(
      /show\) _arguments '1:job:_crucible_jobs' .*'--diff\[what a candidate changed\]'/,
    );
    expect(fish?.out).toContain(
      "complete -c crucible -n '__fish_seen_subcommand_from optimize' -l tolerance -r",
    );
    expect(fish?.out).not.toContain('job-names\n');
    expect(other).toMatchObject({ status: 2, error: 'expected one of bash, zsh, fish, got "tcl"\n' });
  });
});
