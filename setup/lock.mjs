import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until this process alone holds the lock file; it is given back by the function returned, or when the process exits.
 * A lock whose process has died is taken over.
 * @param {string} file
 * @param {(pid: number) => void} onWait told once, where another process holds it
 * @returns {Promise<() => void>}
 */
export async function holdLock(file, onWait) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      const release = () => {
        process.off('exit', release);
        rmSync(file, { force: true });
      };
      process.on('exit', release);
      return release;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== null && isAlive(holder)) {
      if (!told) onWait(holder);
      told = true;
      await sleep(200);
    } else {
      breakLock(file);
      await sleep(20);
    }
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
  } catch {
    // Somebody else is at it, for some microseconds; or died at it.
    const since = statSync(breaking, { throwIfNoEntry: false })?.mtimeMs;
    if (since && Date.now() - since > 10_000) rmSync(breaking, { recursive: true, force: true });
    return;
  }
  const holder = holderOf(file);
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  // A lock without a number in it is being written now, or its writer died between creating and writing.
  if (holder === null ? age > 2000 : !isAlive(holder)) rmSync(file, { force: true });
  rmdirSync(breaking);
}

/**
 * @param {string} file
 * @returns {number | null}
 */
function holderOf(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || null;
  } catch {
    return null;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/**
 * @param {unknown} error
 * @returns {string | undefined}
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
