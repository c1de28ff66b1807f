import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../store/store.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';
import { openJob } from './kept-jobs.ts';

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
