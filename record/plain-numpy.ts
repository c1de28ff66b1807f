import { basename } from 'node:path/posix';
import type { Program } from '../domain/program.schema.ts';
import { standardModules } from '../domain/python-modules.ts';
import type { BlobStore } from '../store/blobs.ts';

const imported = /^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)/gm;

/** Returns whether a program is plain NumPy. Nothing is compiled, and its entry imports NumPy, Python's own modules and its own files alone. */
export async function isPlainNumpy(blobs: BlobStore, { files, entry, build }: Program): Promise<boolean> {
  const artifact = files[entry.kind === 'function' ? entry.module : entry.path];
  if (build !== null || artifact === undefined) return false;
  const own = new Set(Object.keys(files).map((path) => basename(path, '.py')));
  const modules = [...(await blobs.text(artifact)).matchAll(imported)].map(([, name = '']) => name);
  return (
    modules.includes('numpy') &&
    modules.every((name) => name === 'numpy' || standardModules.has(name) || own.has(name))
  );
}
