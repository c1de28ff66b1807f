import { type FoundPackage, Listed, Prepared } from '../domain/environment.schema.ts';
import type { AskedEnvironment } from '../domain/job-fields.schema.ts';
import { stepKey } from '../domain/step.ts';
import { lockedPackages, packagesBroughtByImport, packagesForPrograms } from '../sandbox/packages.ts';
import { readJson } from '../store/documents.ts';
import type { Store } from '../store/store.ts';

/** The step that makes the environment of a whole job ready. */
export const environmentStep = 'environment';

/** Returns what was made ready for a job, or by another step for a candidate; null where nothing was. */
export async function preparedAt(
  { ledger }: Pick<Store, 'ledger'>,
  jobId: string,
  step: string = environmentStep,
): Promise<Prepared | null> {
  const steps = await ledger.steps(jobId, 'environment');
  const found = steps.find(({ key }) => key === stepKey({ jobId, step }));
  return found?.end.kind === 'done' ? Prepared.parse(found.end.result) : null;
}

/** More than this is no help to anybody who reads it. */
const mostNamed = 120;

/** Returns what the programs of a job find besides Python's own library: `numpy 2.4.6`; what came with its environment first. */
export async function packagesOf(store: Store, jobId: string): Promise<string[]> {
  const own = await packagesForPrograms();
  const prepared = await preparedAt(store, jobId);
  if (prepared === null) return own;
  const { packages, unmet } = await readJson(store.blobs, prepared.environment.listed, Listed);
  const broken = new Set(unmet.map((each) => each.package));
  const inImage = prepared.environment.kind === 'image';
  const usable = packages.filter(({ name }) => !broken.has(name));
  const added = usable.filter((each) => each.added || inImage).map(packageWords);
  const names = new Set(added.map((each) => each.split(' ')[0]));
  const there = new Map(usable.map(({ name, version }) => [name, `${name} ${version}`]));
  const others = own.flatMap((each) => there.get(each.split(' ')[0] ?? '') ?? []);
  return [...added.slice(0, mostNamed), ...others.filter((each) => !names.has(each.split(' ')[0]))];
}

/** `opencv-python-headless 4.12.0 (cv2)`: what it is imported as stands behind it where that is another name. */
function packageWords({ name, version, modules }: FoundPackage): string {
  const [module] = modules;
  const plain = name.replaceAll('-', '_');
  return module === undefined || modules.includes(plain)
    ? `${name} ${version}`
    : `${name} ${version} (${module})`;
}

/** Returns the same for a model, with what it may import beyond that. */
export async function packagesForModel(
  store: Store,
  jobId: string,
  { environment }: { environment?: AskedEnvironment | undefined },
): Promise<string[]> {
  const found = await packagesOf(store, jobId);
  if (environment !== undefined && environment.requirements === undefined) return found;
  const there = new Set(
    [...(await lockedPackages()).values(), ...found].map((each) => each.split(/==| /)[0]),
  );
  const more = packagesBroughtByImport.filter((name) => !there.has(name));
  return [...found, `or, brought in where they are imported, ${more.join(', ')}`];
}
