import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { environmentOf, main } from './command.ts';
import { pythonWithNumpy } from './python.ts';

const run = promisify(execFile);
const driver = fileURLToPath(new URL('./on-terminal.py', import.meta.url));

/** `left`: what was awaited and never shown. */
const Shown = z.object({ shown: z.string(), status: z.number(), left: z.array(z.string()) });

/** Runs `crucible ARGS` on a pseudo-terminal. Each of `steps` is typed once the text before it is on the screen. */
export async function onTerminal(
  args: readonly string[],
  steps: readonly (readonly [awaited: string, typed: string])[],
  { home, folder, env }: { home: string; folder: string; env?: Record<string, string> },
): Promise<z.infer<typeof Shown>> {
  const { stdout } = await run(
    await pythonWithNumpy([]),
    ['-I', driver, JSON.stringify(steps), process.execPath, main, ...args],
    { cwd: folder, env: { ...environmentOf(home, env), TERM: 'xterm', NO_COLOR: '1' }, maxBuffer: 16 << 20 },
  );
  return Shown.parse(JSON.parse(stdout));
}
