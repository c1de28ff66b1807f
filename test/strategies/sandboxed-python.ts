import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Limits } from '../../domain/limits.schema.ts';
import { openTestSandbox, python, sandboxKinds, type TestSandbox } from '../support/sandbox.ts';

const project = join(import.meta.dirname, '../..');
const limits = Limits.parse({ wallMs: 150_000, memoryMb: 3_000, processes: 64, fileMb: 256, diskMb: 512 });

/** A sandbox of the first kind that this machine has. */
export async function openSandbox(): Promise<TestSandbox> {
  const { kinds, missing } = await sandboxKinds();
  const kind = kinds[0];
  if (kind === undefined) throw new Error(`expected a sandbox, found none: ${missing.join('; ')}`);
  return openTestSandbox(kind);
}

/** The text files below a folder of the project, by their path below `at`. */
export async function filesBelow(folder: string, at: string): Promise<Record<string, string>> {
  const paths = await readdir(join(project, folder), { recursive: true });
  const texts = paths
    .filter((path) => /\.(py|[ch]pp)$/.test(path))
    .map(async (path) => [`${at}/${path}`, await readFile(join(project, folder, path), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(texts));
}

/** Runs a Python program of /in and returns what it printed; throws with its errors where it fails. */
export async function printed(
  sandbox: TestSandbox | undefined,
  files: Record<string, string | Uint8Array>,
  argv: string[],
  env: Record<string, string> = {},
  wallMs = limits.wallMs,
): Promise<string> {
  if (sandbox === undefined) throw new Error('expected an open sandbox');
  const result = await sandbox.run([python, '-I', '-B', ...argv], {
    files,
    env,
    limits: { ...limits, wallMs },
  });
  if (result.ending.kind !== 'exited' || result.ending.code !== 0)
    throw new Error(`${argv.join(' ')} ended with ${JSON.stringify(result.ending)}: ${result.stderr.tail}`);
  return result.stdout.tail;
}
