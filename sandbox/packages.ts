import { readFile } from 'node:fs/promises';
import type { NamedLayer } from '../domain/job-fields.schema.ts';

const lockFile = new URL('../docker/sandbox/core.txt', import.meta.url);

/** Returns the lock of the layer `learn`: what the scripts of learn/ import beside the packages that every sandbox has. */
export const learnLock = (): Promise<string> =>
  readFile(new URL('../learn/lock.txt', import.meta.url), 'utf8');

/** What the layer `learn` takes on the disk; said before it is installed. */
export const learnLayerMb = 690;

/**
 * The layers that a job may ask for by name. Each has its lock and what it takes on the disk, which is said
 * first.
 */
export const namedLayers: Readonly<
  Record<NamedLayer, { lock(): Promise<string>; mb: number; holds: string }>
> = {
  voxel: {
    lock: () => readFile(new URL('../recipes/voxel-lock.txt', import.meta.url), 'utf8'),
    mb: 970,
    holds: 'PyVista, VTK and what else draws and meshes volumes',
  },
};

/** What a package is imported as, where that is not its name. */
const imported: Record<string, string> = {
  'arro3-core': 'arro3',
  pillow: 'PIL',
  'rpds-py': 'rpds',
  'scikit-image': 'skimage',
};

/** Returns what a package is imported as. */
export const importedAs = (name: string): string => imported[name] ?? name.replaceAll('-', '_');

/** Returns the lock of the packages that every sandbox has. */
export const coreLock = (): Promise<string> => readFile(lockFile, 'utf8');

/** The packages of the sandbox's Python, `name==version` by the name they are imported by. */
export async function lockedPackages(): Promise<Map<string, string>> {
  const lock = await coreLock();
  return new Map(
    [...lock.matchAll(/^([A-Za-z0-9._-]+)==([^\s\\;]+)/gm)].map(([, name = '', version = '']) => [
      importedAs(name),
      `${name}==${version}`,
    ]),
  );
}

/** The packages that programs are written with; the others serve these, or set-up. */
const forPrograms = [
  ...['numpy', 'scipy', 'numba', 'PIL', 'skimage', 'av', 'trimesh', 'arro3', 'arro3_io'],
  ...['pythran', 'cython', 'nanobind', 'pybind11'],
];

/** What a program finds in the sandbox besides Python's own library: `numpy 2.4.6`, the most used first. */
export async function packagesForPrograms(): Promise<string[]> {
  const locked = await lockedPackages();
  return forPrograms.flatMap((name) => locked.get(name)?.replace('==', ' ') ?? []);
}

/**
 * The packages that an import alone brings into a sandbox: what each is imported as, and published as. No index is asked for any other name
 * that a program imports. Whoever registers a name that models make up would have code in the sandbox.
 */
const broughtByImport: Readonly<Record<string, string>> = {
  bs4: 'beautifulsoup4',
  bottleneck: 'bottleneck',
  catboost: 'catboost',
  cv2: 'opencv-python-headless',
  dask: 'dask',
  dateutil: 'python-dateutil',
  duckdb: 'duckdb',
  ezdxf: 'ezdxf',
  h5py: 'h5py',
  imageio_ffmpeg: 'imageio-ffmpeg',
  jinja2: 'jinja2',
  joblib: 'joblib',
  jsonschema: 'jsonschema',
  lightgbm: 'lightgbm',
  lxml: 'lxml',
  markdown: 'markdown',
  matplotlib: 'matplotlib',
  meshio: 'meshio',
  mpmath: 'mpmath',
  nibabel: 'nibabel',
  numexpr: 'numexpr',
  openpyxl: 'openpyxl',
  pandas: 'pandas',
  plotly: 'plotly',
  polars: 'polars',
  psutil: 'psutil',
  pyarrow: 'pyarrow',
  pydantic: 'pydantic',
  pydicom: 'pydicom',
  pytest: 'pytest',
  pyvista: 'pyvista',
  pywt: 'pywavelets',
  regex: 'regex',
  rtree: 'rtree',
  seaborn: 'seaborn',
  shapely: 'shapely',
  sklearn: 'scikit-learn',
  statsmodels: 'statsmodels',
  sympy: 'sympy',
  tabulate: 'tabulate',
  tqdm: 'tqdm',
  trimesh: 'trimesh',
  vtk: 'vtk',
  xarray: 'xarray',
  xgboost: 'xgboost',
  yaml: 'pyyaml',
  zarr: 'zarr',
  zstandard: 'zstandard',
};

/**
 * Returns the package that importing `module` brings into a sandbox, by the name it is published under. Returns
 * null where it brings none.
 */
export const packageOf = (module: string): string | null => {
  const [name = module] = module.split('.');
  return Object.hasOwn(broughtByImport, name) ? (broughtByImport[name] ?? null) : null;
};

/** The modules that `packageOf` knows. */
export const modulesBroughtByImport: readonly string[] = Object.keys(broughtByImport);

/** The packages that `packageOf` knows, by the names they are published under. */
export const packagesBroughtByImport: readonly string[] = [...new Set(Object.values(broughtByImport))].sort();

/** Returns how a program gets at the package of a module that the sandbox does not have. */
export const bringing = (module: string): string => {
  const name = packageOf(module) ?? module.split('.')[0] ?? module;
  return `To bring it: environment: { requirements: [${name}] } in the job, or --packages ${name}`;
};
