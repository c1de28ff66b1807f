import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOf } from './process-start.mjs';

/**
 * Waits until this process alone holds the lock file; it is given back by the function returned, or when the process exits.
 * The file names its holder by number and start, so that a lock whose process has died is taken over, whoever has its number now;
 * so is a file that is no lock. Throws the reason of `signal` where that fires, and the system's error where no file can be written.
 * @param {string} file
 * @param {(pid: number) => void} onWait told once, where another process holds it
 * @param {{ tellAfterMs?: number, signal?: AbortSignal }} [options] `tellAfterMs`: a shorter wait is not told
 * @returns {Promise<() => void>}
 */
export async function holdLock(file, onWait, { tellAfterMs = 0, signal } = {}) {
  mkdirSync(dirname(file), { recursive: true });
  const began = Date.now();
  let told = false;
  while (!take(file)) {
    signal?.throwIfAborted();
    const holder = holderOf(file);
    if (holder === null) breakLock(file);
    else if (!told && Date.now() - began >= tellAfterMs) {
      onWait(holder);
      told = true;
    }
    await sleep(holder === null ? 20 : 200, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  const release = () => {
    process.off('exit', release);
    rmSync(file, { force: true });
  };
  process.on('exit', release);
  return release;
}

/**
 * Makes the lock file with its content at once, so that none is ever seen empty: not from a killed writer, not on a full disk.
 * @param {string} file
 * @returns {boolean} false where there is one
 */
function take(file) {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${process.pid} ${startOf(process.pid)}`, { mode: 0o600 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Removes the lock of a dead process. Only one process at a time may, else two that saw the same dead holder could
 * remove each other's new locks.
 * @param {string} file
 */
function breakLock(file) {
  const breaking = `${file}.breaking`;
  try {
    mkdirSync(breaking);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Somebody else is at it, for some microseconds; or died at it.
    const since = statSync(breaking, { throwIfNoEntry: false })?.mtimeMs;
    if (since && Date.now() - since > 10_000) rmSync(breaking, { recursive: true, force: true });
    return;
  }
  if (holderOf(file) === null) rmSync(file, { recursive: true, force: true });
  rmdirSync(breaking);
}

/**
 * The process that holds the lock; null where it is dead, or the file is no lock.
 * @param {string} file
 * @returns {number | null}
 */
function holderOf(file) {
  try {
    const [pid = '', startedAt = ''] = readFileSync(file, 'utf8').split(' ');
    return startedAt !== '' && startOf(Number(pid)) === startedAt ? Number(pid) : null;
  } catch {
    return null;
  }
}

/**
 * @param {unknown} error
 * @returns {string | undefined}
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
