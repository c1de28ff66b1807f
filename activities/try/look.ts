import { z } from 'zod';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { modulesBroughtByImport, packagesForPrograms } from '../../sandbox/packages.ts';
import type { Ending } from '../../sandbox/sandbox.ts';
import { guest } from './command.ts';
import type { Said } from './outcome-of-ending.ts';

/** The exit status of `look.py` where it found what is certain to fail. */
const exitRejected = 97;

/**
 * Returns the command that looks at a program and then runs `command` in the same sandbox. Nothing of the
 * program ran there before. `root` is where its files stand; `imports` tells whether all that it may import is
 * there, too.
 */
export function lookingFirst(
  command: readonly string[],
  { entry }: Pick<Program, 'entry'>,
  { root, imports }: { root: string; imports: boolean },
): string[] {
  const isScript = entry.kind === 'script';
  return guest(
    'look',
    ...['--root', root, '--entry', isScript ? entry.path : entry.module],
    ...(isScript ? [] : ['--function', entry.name]),
    ...(imports ? ['--modules', ...modulesBrought] : []),
    '--',
    ...command,
  );
}

/** Modules that importing them may bring. */
const modulesBrought = ['crucible_native', ...modulesBroughtByImport];

const Found = z.object({
  rejected: z
    .array(
      z.object({
        path: z.string(),
        line: z.number(),
        said: z.string(),
        module: z.string().nullable(),
      }),
    )
    .min(1),
});

/** Why a program was not run, and what Python would have said had it been. */
export interface Rejection {
  outcome: Outcome;
  said: Said;
}

/** Returns what a look found against a program; null where the program was run. `stderr` is the last of what was said. */
export async function rejection(ending: Ending, stderr: string): Promise<Rejection | null> {
  if (ending.kind !== 'exited' || ending.code !== exitRejected) return null;
  const found = foundIn(stderr.trimEnd().split('\n').at(-1) ?? '');
  if (found === null) return null;
  const [first, ...others] = found.rejected.map(({ path, line, said }) => `${path}:${line}: ${said}`);
  const isMissing = found.rejected.some(({ module }) => module !== null);
  const has = isMissing ? [`the sandbox has ${(await packagesForPrograms()).join(', ')}`] : [];
  const reason = [`${first} (it was not run)`, ...others, ...has].join('\n');
  return {
    outcome: { kind: 'rejected', reason },
    said: { stdout: '', stderr: found.rejected.slice(0, 1).map(asRaised).join('') },
  };
}

/** Returns a finding as the end of a traceback. */
const asRaised = ({ path, line, said }: z.infer<typeof Found>['rejected'][number]): string =>
  /^(?:Syntax|Indentation|Tab)Error/.test(said)
    ? `  File "${path}", line ${line}\n${said}\n`
    : `Traceback (most recent call last):\n  File "${path}", line ${line}, in <module>\n${said}\n`;

function foundIn(line: string): z.infer<typeof Found> | null {
  try {
    return Found.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
