import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findPython } from '../../setup/steps/python.mjs';

/** A new virtual environment with pip and nothing else, of a Python that can compile extensions. The caller removes it. */
export async function plainVenv(): Promise<string> {
  const python = findPython();
  if (python === null)
    throw new Error(
      'expected Python 3.11 with venv and headers, and g++; found none: npm run setup -- --system',
    );
  const folder = await mkdtemp(join(tmpdir(), 'crucible-venv-'));
  await promisify(execFile)(python, ['-m', 'venv', folder]);
  return folder;
}
