import { readFile } from 'node:fs/promises';
import type { Tree } from '../domain/artifact.schema.ts';
import type { Extension } from '../domain/extension.schema.ts';
import {
  casesPerFunction,
  extensionHarness,
  extensionSpecification,
  toleranceOf,
} from '../domain/extension.ts';
import { functionAt } from '../domain/judging.ts';
import type { BlobStore } from '../store/blobs.ts';

const folder = new URL('../sandbox/extension/', import.meta.url);
const textOf = (name: string): Promise<Buffer> => readFile(new URL(name, folder));

/** Who has the harness. A program is not told what only the grader knows, and a user gets all but the key. */
export type HarnessFor = { kind: 'program' } | { kind: 'grader'; key: string } | { kind: 'user' };

/** Returns the files that test a module, beside what they are for. */
export async function harnessFiles(
  blobs: BlobStore,
  { functions, name, reference, accepts, sizes }: Extension,
  whom: HarnessFor,
): Promise<Tree> {
  const named = accepts === undefined ? undefined : functionAt(accepts, 'accepts');
  const specification = {
    ...{ name, functions, sizes, cases: casesPerFunction, tolerance: toleranceOf({ functions }) },
    compared: reference !== undefined || accepts !== undefined,
    reference: whom.kind === 'program' ? null : (reference ?? null),
    ...(whom.kind === 'program' || named === undefined ? {} : { accepts: [named.module, named.name] }),
    ...(whom.kind === 'program' ? {} : { key: whom.kind === 'grader' ? whom.key : '' }),
  };
  return {
    [extensionHarness]: await blobs.put(await textOf(extensionHarness)),
    [extensionSpecification]: await blobs.put(`${JSON.stringify(specification, null, 2)}\n`),
    ...(whom.kind === 'user'
      ? {
          [`test_${name}.py`]: await blobs.put(await textOf('test_extension.py')),
          [`bench_${name}.py`]: await blobs.put(await textOf('bench_extension.py')),
        }
      : {}),
  };
}
