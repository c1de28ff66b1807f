import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { SandboxUnavailable } from '../domain/errors.ts';
import { type TurnListener, watchTurn } from './turn.ts';

export type MeasuringLock = { release(): void };

export type MeasuringLockOptions = {
  /** The supervisor program, which can hold a file lock where Node cannot. */
  supervisor: string;
  /** The lock file: one for all stores of this user on this host, `CACHE/measuring.lock`. */
  file: string;
  /** Of the sandbox it is taken for. */
  key: string;
  turns?: TurnListener | undefined;
  signal: AbortSignal;
};

/**
 * Takes the host's measuring lock: `shared` while any sandbox runs, `exclusive` while one is measured and must be alone. Who
 * waits for `exclusive` is served before those who come after. Held by a child process until `release`, or the end of this
 * process. Throws the signal's reason when aborted, `SandboxUnavailable` when the lock file cannot be used.
 * A holder must not wait for another sandbox to start: a waiting `exclusive` stands between them.
 */
export async function takeMeasuringLock(
  mode: 'shared' | 'exclusive',
  { supervisor, file, key, turns, signal }: MeasuringLockOptions,
): Promise<MeasuringLock> {
  signal.throwIfAborted();
  await mkdir(dirname(file), { recursive: true }).catch((cause) => {
    throw new SandboxUnavailable(`cannot make the folder of the measuring lock ${file}`, { cause });
  });
  const holder = spawn(supervisor, ['lock', file, mode, key], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  // A holder that is gone has released; writing to it is nobody's concern then.
  holder.stdin.on('error', () => undefined);
  const release = () => void holder.stdin.end();
  const stop = () => holder.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const stopWatching =
    turns === undefined || holder.pid === undefined
      ? () => undefined
      : watchTurn(holder.pid, file, key, turns);
  let complaint = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  try {
    const taken = await Promise.race([
      once(createInterface(holder.stdout), 'line').then(() => true),
      once(holder, 'close').then(() => false),
    ]);
    signal.throwIfAborted();
    if (!taken) throw new Error(complaint.trim() || 'the holder ended');
    return { release };
  } catch (cause) {
    stop();
    signal.throwIfAborted();
    throw new SandboxUnavailable(`cannot take the measuring lock ${file} (${mode}): ${String(cause)}`, {
      cause,
    });
  } finally {
    stopWatching();
    signal.removeEventListener('abort', stop);
  }
}
