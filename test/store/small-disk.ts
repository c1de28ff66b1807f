import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary-store.ts';

/** Only root may mount. */
export const mayMount = process.getuid?.() === 0;

/** A file system of `kib` KiB in memory, unmounted when the running test ends. */
export async function smallDisk(kib: number): Promise<string> {
  const folder = await temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,mode=0700`, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}
