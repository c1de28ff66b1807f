import { readFile } from 'node:fs/promises';

const lockFile = new URL('../docker/sandbox/core.txt', import.meta.url);

/** What a package is imported as, where that is not its name. */
const imported: Record<string, string> = { pillow: 'PIL', 'scikit-image': 'skimage' };

/** The packages of the sandbox's Python, `name==version` by the name they are imported by. */
export async function lockedPackages(): Promise<Map<string, string>> {
  const lock = await readFile(lockFile, 'utf8');
  return new Map(
    [...lock.matchAll(/^([A-Za-z0-9._-]+)==([^\s\\;]+)/gm)].map(([, name = '', version = '']) => [
      imported[name] ?? name.replaceAll('-', '_'),
      `${name}==${version}`,
    ]),
  );
}

/** The packages that programs are written with; the others serve these, or set-up. */
const forPrograms = ['numpy', 'scipy', 'numba', 'PIL', 'skimage', 'pythran', 'nanobind', 'pybind11'];

/** What a program finds in the sandbox besides Python's own library: `numpy 2.4.6`, the most used first. */
export async function packagesForPrograms(): Promise<string[]> {
  const locked = await lockedPackages();
  return forPrograms.flatMap((name) => locked.get(name)?.replace('==', ' ') ?? []);
}

/** What packages are called by those who publish them, where that is not what they are imported as. */
const published: Record<string, string> = {
  bs4: 'beautifulsoup4',
  cv2: 'opencv-python-headless',
  dateutil: 'python-dateutil',
  sklearn: 'scikit-learn',
  yaml: 'PyYAML',
};

/** How a program gets at the package of a module that the sandbox does not have. */
export const bringing = (name: string): string =>
  `To bring it: pip install --target packages --only-binary=:all: --python-version 3.11 ${published[name] ?? name}, then inputs: [packages] and sys.path.append('packages')`;
