import { createHash } from 'node:crypto';
import type { Artifact } from '../domain/artifact.schema.ts';
import { Listed, type Mounted, type Prepared } from '../domain/environment.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import type { AskedEnvironment, NamedLayer } from '../domain/job-fields.schema.ts';
import { Limits } from '../domain/limits.schema.ts';
import { nearest } from '../domain/nearest.ts';
import { notLocked, packageName, type Requirement, readRequirements } from '../domain/requirements.ts';
import { type Place, stepKey } from '../domain/step.ts';
import { preparedAt } from '../record/environment.ts';
import { type Layers, noLayers } from '../sandbox/layers.ts';
import {
  coreLock,
  lockedPackages,
  namedLayers,
  packageOf,
  packagesBroughtByImport,
} from '../sandbox/packages.ts';
import { NoSuchPackage } from '../sandbox/pip.ts';
import { readJson, readProgram, readTree } from '../store/documents.ts';
import { type ActivityContext, takeStep } from './context.ts';
import { guest } from './try/command.ts';
import { outcomeOfEnding, saidBy } from './try/outcome-of-ending.ts';

/** What an environment is made of. */
export interface PreparingInput {
  /** A `Tree` of the job's files, where its requirements may stand. */
  files: Artifact;
  asked: AskedEnvironment | null;
  /** Packages beside those, by the names they are published under. */
  add: readonly string[];
  /** A program whose imports bring in what imports may; null: none. */
  program: Artifact | null;
  /** The job whose environment it is to be again, as for a verification; null: none. */
  like: string | null;
  /** Look for versions anew. */
  fresh: boolean;
}

export type EnvironmentActivities = ReturnType<typeof createEnvironmentActivities>;

/**
 * Rounds in which what a package turns out to need is asked for, too. Pip reads that as for the Python it runs
 * under.
 */
const mostRounds = 3;

export const createEnvironmentActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs, ledger } = store;

  /** Looks into a sandbox that shows `mounted`, and imports what the packages `imported` bring. */
  async function listed(
    place: Place & { round: number },
    mounted: Mounted,
    imported: readonly string[],
    signal: AbortSignal,
  ): Promise<{ artifact: Artifact; found: Listed }> {
    const ran = await sandbox.run(
      {
        key: `${stepKey(place)}/${place.round}`,
        label: place.step,
        argv: guest('packages', '--out', 'packages.json', '--import', ...imported),
        limits: Limits.parse({}),
        environment: mounted,
        outputs: ['packages.json'],
      },
      signal,
    );
    const artifact = ran.outputs['packages.json'];
    if (artifact !== undefined) return { artifact, found: await readJson(blobs, artifact, Listed) };
    const ended = outcomeOfEnding(ran.ending, saidBy(ran));
    const why = ended !== null && 'reason' in ended ? ended.reason : 'it left no list';
    throw new JobRejected(
      mounted.kind === 'image'
        ? `environment.image: Python does not work in it as in Crucible's own image, from which it has to be made: ${why}`
        : `environment: the packages cannot be looked at: ${why}`,
    );
  }

  async function requirementsIn({
    files,
    asked,
    add,
  }: PreparingInput): Promise<{ isLock: boolean; list: Requirement[] }> {
    const { requirements = [], lock } = asked ?? {};
    const path = lock ?? (typeof requirements === 'string' ? requirements : null);
    const artifact = path === null ? null : (await readTree(blobs, files))[path];
    if (artifact === undefined)
      throw new JobRejected(`environment: ${path}: expected a file of the job, found none`);
    const text = artifact === null ? [...requirements].join('\n') : await blobs.text(artifact);
    const read = readRequirements(text);
    const isLock = lock !== undefined || read.requirements.some(({ hashes }) => hashes.length > 0);
    const mistakes = [...read.mistakes, ...(isLock ? notLocked(read) : [])];
    if (mistakes.length > 0)
      throw new JobRejected(
        mistakes
          .map(({ line, message }) => `environment: ${path === null ? '' : `${path}:${line}: `}${message}`)
          .join('\n'),
      );
    return {
      isLock,
      list: [...read.requirements, ...(isLock ? [] : readRequirements(add.join('\n')).requirements)],
    };
  }

  /** Returns the packages that the imports of a program may bring in; for that its text is enough. */
  async function importedBy(program: Artifact | null): Promise<string[]> {
    if (program === null) return [];
    const { files } = await readProgram(blobs, program);
    const own = await lockedPackages();
    const texts = Object.entries(files).filter(([path]) => path.endsWith('.py'));
    const found = await Promise.all(texts.map(async ([, file]) => modulesNamedIn(await blobs.text(file))));
    return [...new Set(found.flat())].flatMap((module) => (own.has(module) ? [] : (packageOf(module) ?? [])));
  }

  /**
   * Returns the lock of a list of requirements. It is the one that the same list led to before, or a new one.
   */
  async function lockOf(
    layers: Layers,
    texts: readonly string[],
    fresh: boolean,
    signal: AbortSignal,
  ): Promise<Artifact> {
    const content = JSON.stringify([[...texts].sort(), await coreLock(), process.arch]);
    const contentKey = `lock ${createHash('sha256').update(content).digest('hex')}`;
    const known = fresh ? undefined : await ledger.recall(contentKey);
    if (typeof known === 'string' && (await blobs.has(known))) return known;
    const lock = await layers.lock(texts, signal).catch(async (error: unknown) => {
      throw error instanceof NoSuchPackage ? await withNearest(error) : error;
    });
    const artifact = await blobs.put(lock);
    await ledger.remember(contentKey, artifact);
    return artifact;
  }

  async function layerOf(place: Place, input: PreparingInput, signal: AbortSignal): Promise<Prepared> {
    const { layers } = sandbox;
    if (layers === null) throw noLayers();
    const { isLock, list } = await requirementsIn({
      ...input,
      add: [...input.add, ...(await importedBy(input.program))],
    });
    const names = [...new Set(list.map(({ name }) => name))];
    const texts = list.map(({ text }) => text);
    for (let round = 0; ; round += 1) {
      const lock = isLock
        ? await blobs.put(
            list
              .map(
                ({ text, hashes }) =>
                  `${[text, ...hashes.map((hash) => `--hash=${hash}`)].join(' \\\n    ')}\n`,
              )
              .join(''),
          )
        : await lockOf(layers, texts, input.fresh && round === 0, signal);
      const { mb } = await layers.layer(await blobs.text(lock), signal);
      const mounted: Mounted = { kind: 'layer', lock };
      const { artifact, found } = await listed({ ...place, round }, mounted, isLock ? [] : names, signal);
      const lacking = found.unmet.filter(({ added }) => added);
      if (lacking.length === 0)
        return { environment: { ...mounted, listed: artifact, mb }, said: saidOf(found, names, mb) };
      if (isLock || round + 1 === mostRounds) throw new JobRejected(lacking.map(lacks).join('\n'));
      texts.push(...lacking.map(({ needs }) => needs));
    }
  }

  /** A layer that ships with Crucible is installed as its lock says. What that takes is said before. */
  async function namedLayer(place: Place, name: NamedLayer, signal: AbortSignal): Promise<Prepared> {
    const { layers } = sandbox;
    if (layers === null) throw noLayers();
    const { lock: read, mb: expected, holds } = namedLayers[name];
    const text = await read();
    if (!(await layers.has(text))) {
      const said = `the layer ${name} is installed once: ${holds}, ${expected} MB`;
      await ledger.say(place.jobId, `${stepKey(place)}/before`, said, Date.now());
    }
    const { mb } = await layers.layer(text, signal);
    const mounted: Mounted = { kind: 'layer', lock: await blobs.put(text) };
    const { artifact, found } = await listed({ ...place, round: 0 }, mounted, [], signal);
    const added = found.packages.filter((each) => each.added).length;
    const environment = { ...mounted, listed: artifact, mb };
    return { environment, said: `environment: the layer ${name}, ${added} packages, ${mb} MB` };
  }

  async function imageOf(place: Place, name: string, signal: AbortSignal): Promise<Prepared> {
    const { id, mb } = await sandbox.image(name);
    const mounted: Mounted = { kind: 'image', image: id };
    const { artifact, found } = await listed({ ...place, round: 0 }, mounted, [], signal);
    const said = `environment: image ${name}, ${mb} MB, with ${found.packages.length} packages`;
    return { environment: { ...mounted, listed: artifact, mb }, said };
  }

  return {
    /**
     * Makes ready what the programs of a job find beside what every sandbox has. Packages are fetched with
     * network and nothing of the job but their names. They are looked at in a sandbox without network, and
     * installed once by what they are. The lock that resulted is kept, so that whoever takes the job up again
     * has the same.
     */
    async prepareEnvironment(input: Place & PreparingInput): Promise<Prepared> {
      const { storeId, jobId, step, asked } = input;
      return takeStep<Prepared>(store, input, 'environment', async ({ signal }) => {
        const before = input.like === null ? null : await preparedAt(store, input.like, step);
        if (before !== null) return before;
        const place = { storeId, jobId, step };
        const prepared =
          asked?.image !== undefined
            ? await imageOf(place, asked.image, signal)
            : asked?.layer !== undefined
              ? await namedLayer(place, asked.layer, signal)
              : await layerOf(place, input, signal);
        await ledger.say(jobId, stepKey(place), prepared.said, Date.now());
        return prepared;
      });
    },
  };
};

/** Modules that lines of a program begin to import, by the first part of their names. */
const modulesNamedIn = (text: string): string[] =>
  [...text.matchAll(/^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#\n]+))/gm)].flatMap(
    ([, from, list = '']) =>
      from === undefined ? list.split(',').map((each) => /^\s*(\w+)/.exec(each)?.[1] ?? '') : [from],
  );

/** Names the package that may have been meant. Nothing is asked of an index for that. */
async function withNearest(error: NoSuchPackage): Promise<JobRejected> {
  const core = [...(await lockedPackages()).values()].map((pinned) =>
    packageName(pinned.split('==')[0] ?? ''),
  );
  const meant = nearest(
    error.package,
    [...packagesBroughtByImport, ...core].filter((name) => name !== error.package),
  );
  return meant === null ? error : new JobRejected(`${error.message} (did you mean ${meant}?)`);
}

const lacks = ({ package: name, needs, found }: Listed['unmet'][number]): string =>
  `environment: ${name} needs ${needs}, and there is ${found === null ? 'none' : found}`;

const mostNamed = 8;

/**
 * What people are told of a layer. They hear what was asked for, how large it is, and what does not work with
 * it.
 */
function saidOf({ packages, unmet, failing }: Listed, names: readonly string[], mb: number): string {
  const added = packages.filter((each) => each.added);
  const asked = packages
    .filter(({ name }) => names.includes(name))
    .map(({ name, version }) => `${name} ${version}`);
  const others = added.filter(({ name }) => !names.includes(name)).length;
  const named = asked.length > mostNamed ? `${asked.slice(0, mostNamed).join(', ')} …` : asked.join(', ');
  const broken = [...new Set(unmet.map((each) => each.package))];
  return [
    `environment: ${named}${others === 0 ? '' : ` and ${others} they need`}, ${mb} MB`,
    ...(broken.length === 0 ? [] : [`no longer usable beside them: ${broken.join(', ')}`]),
    ...failing.map(({ module, error }) => `${module} cannot be imported: ${error}`),
  ].join('; ');
}
