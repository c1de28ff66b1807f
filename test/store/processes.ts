import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const program = fileURLToPath(new URL('other-process.ts', import.meta.url));

/** A process of `other-process.ts`, ready and waiting for `go`. Killed when the running test ends. */
export interface OtherProcess {
  child: ChildProcess;
  go(): void;
  /** The next line it prints. Throws where it ends without one. */
  line(): Promise<string>;
}

/** Starts a process and waits until it is ready. */
export async function startProcess(folder: string, task: string, argument = ''): Promise<OtherProcess> {
  const child = spawn(process.execPath, [program, folder, task, argument], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done) throw new Error(`${task}: expected a line, found the process at its end`);
    return next.value;
  };
  await line();
  return { child, go: () => void child.stdin.write('go\n'), line };
}

/** Has `count` processes do the same task, let go at the same moment. Returns their results. */
export async function together<T>(count: number, folder: string, task: string, argument = ''): Promise<T[]> {
  const processes = await Promise.all(
    Array.from({ length: count }, () => startProcess(folder, task, argument)),
  );
  for (const { go } of processes) go();
  return Promise.all(processes.map(async ({ line }): Promise<T> => JSON.parse(await line())));
}
