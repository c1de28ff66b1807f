import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { namedLayers } from '../../sandbox/packages.ts';
import { openSandbox } from '../strategies/sandboxed-python.ts';
import { python } from '../support/sandbox.ts';

/** The files below a folder, by their path below `at`. */
async function allBelow(folder: string, at: string): Promise<[string, Uint8Array][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => [file.replace(folder, at), await readFile(file)] as const));
}

it('with the layer voxel NRRD and VTI are read and written, too, and all recipes do in the sandbox what they do outside', async () => {
  const box = await openSandbox();
  try {
    const recipes = await allBelow(join(import.meta.dirname, '../../recipes/voxel'), 'voxel');
    const script = await readFile(join(import.meta.dirname, 'check_voxels.py'));
    const lock = await box.blobs.put(await namedLayers.voxel.lock());
    const { ending, stdout, stderr } = await box.run(
      [python, '-I', '-B', '/in/check_voxels.py', '/in/voxel'],
      {
        files: { ...Object.fromEntries(recipes), 'check_voxels.py': script },
        environment: { kind: 'layer', lock },
        limits: { wallMs: 120_000, memoryMb: 2_000, processes: 64, outputMb: 16, diskMb: 512 },
      },
    );
    expect(ending, stderr.tail).toMatchObject({ kind: 'exited', code: 0 });
    const { formats, ...verdicts }: Record<string, unknown> = JSON.parse(stdout.tail);
    expect(formats).toEqual(['.bin', '.npy', '.tif', '.nrrd', '.vti']);
    expect(Object.entries(verdicts).filter(([, verdict]) => verdict !== 'right')).toEqual([]);
    expect(Object.keys(verdicts).length).toBeGreaterThan(20);
  } finally {
    await box.close();
  }
});
