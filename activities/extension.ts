import { createHash } from 'node:crypto';
import type { Artifact, Tree } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import type { Extension, ExtensionTool } from '../domain/extension.schema.ts';
import { extensionHarness, toolOf } from '../domain/extension.ts';
import type { Entry, Program } from '../domain/program.schema.ts';
import { type Place, stepKey } from '../domain/step.ts';
import { pick } from '../domain/tree.ts';
import { readProgram, readTree, writeJson } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { takeStep } from './context.ts';
import { harnessFiles } from './extension-harness.ts';

export type ExtensionActivities = ReturnType<typeof createExtensionActivities>;

/** How a module's program is entered: by what calls the module. */
export const extensionEntry: Entry = { kind: 'function', module: extensionHarness, name: 'call' };

/** Extension modules: what they are tested by, and what a user gets of one. */
export const createExtensionActivities = ({ store }: { store: Store }) => ({
  /**
   * Returns what a module is tested by: `tests`, a `Tree` of all files of the job with the harness among them; `kept`, what of that a user gets
   * beside the module; `baseline`, the reference as a program, null where there is none; and the user's own C++ as candidate `c-0`, null where
   * models write it. `own` names the user's own tests, which are kept, too.
   */
  async packExtension({
    files,
    module,
    task,
    own,
    ...place
  }: Place & { files: Artifact; module: Extension; task: string | undefined; own?: string }): Promise<{
    tests: Artifact;
    kept: Artifact;
    baseline: Artifact | null;
    candidate: Candidate | null;
  }> {
    return takeStep(store, place, 'pack', async () => {
      const tree = await readTree(store.blobs, files);
      const key = createHash('sha256').update(store.secret()).update(stepKey(place)).digest('hex');
      const tests = { ...tree, ...(await harnessFiles(store.blobs, module, { kind: 'grader', key })) };
      const baseline: Program = { files: tests, entry: { ...extensionEntry, name: 'expected' }, build: null };
      const named = [module.reference, module.accepts?.split(':')[0], own];
      const beside = named.filter((each) => each !== undefined);
      const kept = { ...pick(tree, beside), ...(await harnessFiles(store.blobs, module, { kind: 'user' })) };
      return {
        tests: await writeJson(store.blobs, tests),
        kept: await writeJson(store.blobs, kept),
        baseline: module.reference === undefined ? null : await writeJson(store.blobs, baseline),
        candidate:
          module.source === undefined ? null : await ownCandidate(store, tree, module, toolOf(module, task)),
      };
    });
  },

  /**
   * Returns a `Tree` of what a user gets of a module. It holds its sources, the module, and what tests and
   * measures it.
   */
  async keepExtension({
    program,
    kept,
    ...place
  }: Place & { program: Artifact; kept: Artifact }): Promise<{ outputs: Artifact }> {
    return takeStep(store, place, 'pack', async () => {
      const { files } = await readProgram(store.blobs, program);
      const beside = await readTree(store.blobs, kept);
      return { outputs: await writeJson(store.blobs, { ...files, ...beside }) };
    });
  },
});

const buildFiles: Partial<Record<ExtensionTool, string>> = {
  setuptools: 'setup.py',
  cmake: 'CMakeLists.txt',
};

/** Returns the user's own C++ as a candidate. Throws `JobRejected` where it cannot become the module. */
async function ownCandidate(
  store: Store,
  tree: Tree,
  { name, source = '', ...module }: Extension,
  tool: ExtensionTool,
): Promise<Candidate> {
  const isFile = tree[source] !== undefined;
  const named = pick(tree, [source]);
  // A folder's files stand where they would, were it the working directory.
  const own = Object.fromEntries(
    Object.entries(named).map(([path, file]) => [
      isFile ? (path.split('/').at(-1) ?? path) : path.slice(source.length + 1),
      file,
    ]),
  );
  const sources = sourcesOf(own, name, source, tool);
  const program: Program = {
    files: { ...own, ...(await harnessFiles(store.blobs, { name, ...module }, { kind: 'program' })) },
    ...{ entry: extensionEntry, build: { tool, sources, fastMath: false } },
  };
  return {
    ...{ id: 'c-0', parents: [], operator: 'human', title: source, note: `${source}, unchanged` },
    program: await writeJson(store.blobs, program),
  };
}

/** Returns what is built: what says how, or the file that becomes the module. */
function sourcesOf(own: Tree, name: string, source: string, tool: ExtensionTool): string[] {
  const [paths, expected] = [Object.keys(own), buildFiles[tool]];
  if (expected !== undefined) {
    if (own[expected] !== undefined) return [expected];
    throw new JobRejected(
      `module.source: ${tool} builds by ${expected}, which is not in ${source}: name the folder that has it, or build: nanobind`,
    );
  }
  const cpp = paths.filter((path) => /^[^/]+\.cpp$/.test(path));
  if (cpp.includes(`${name}.cpp`)) return cpp;
  throw new JobRejected(
    `module.source: expected ${name}.cpp, which becomes the module ${name}, got ${cpp.join(', ') || paths.join(', ') || 'no file'}`,
  );
}
