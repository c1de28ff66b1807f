import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolchain } from '../../setup/toolchain.mjs';

const run = promisify(execFile);

/**
 * A Python 3.11 with NumPy and Pillow, and `more` modules, on this machine: the one that set-up made, else `python3` of the PATH.
 * Throws where neither has them.
 */
export async function pythonWithNumpy(more: readonly string[] = []): Promise<string> {
  const layer = (await toolchain()).python;
  const python = layer === null ? 'python3' : join(layer, 'bin/python3');
  const probe = `import sys, ${['numpy', 'PIL', ...more].join(', ')}; assert sys.version_info >= (3, 11)`;
  try {
    await run(python, ['-I', '-c', probe]);
  } catch (cause) {
    throw new Error(
      `expected ${['NumPy', 'Pillow', ...more].join(', ')} in ${python} (Python 3.11 or later), found not all; run npm run setup`,
      { cause },
    );
  }
  return python;
}
