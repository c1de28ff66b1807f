import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path/posix';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Mounted } from '../../domain/environment.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import { stepKey } from '../../domain/step.ts';
import { readProgram, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { diagnosedBuild } from '../diagnose/diagnosed.ts';
import { guest } from './command.ts';
import { lookingFirst, rejection } from './look.ts';
import { outcomeOfEnding, saidBy } from './outcome-of-ending.ts';

/** A program that is ready to run, or why there is none. */
export type Built =
  | { kind: 'built'; program: Artifact; log: Artifact | null }
  | { kind: 'failed'; outcome: Outcome; log: Artifact | null };

export type BuildActivities = ReturnType<typeof createBuildActivities>;

export const createBuildActivities = ({ store, sandbox }: ActivityContext) => ({
  /**
   * Compiles what a program asks for in a sandbox, by a known toolchain with fixed flags. An earlier build of the same sources in
   * the same image is taken over.
   */
  async buildProgram({
    program,
    limits,
    environment,
    look = false,
    ...place
  }: Place & {
    program: Artifact;
    limits: Limits;
    environment?: Mounted | undefined;
    look?: boolean;
  }): Promise<Built> {
    return takeStep<Built>(store, place, 'build', async ({ signal }) => {
      const { files, entry, build } = await readProgram(store.blobs, program);
      if (build === null) return { kind: 'built', program, log: null };
      // What a program imports stands beside its entry.
      const beside = dirname(entry.kind === 'function' ? entry.module : entry.path);
      const contentKey = `build ${createHash('sha256')
        .update(JSON.stringify([files, build, beside, sandbox.isolation.image, ...mountedKey(environment)]))
        .digest('hex')}`;
      const known = await store.ledger.recall(contentKey);
      if (known !== undefined) return known as Built;

      const command = guest(
        'build',
        build.tool,
        ...(build.fastMath ? ['--fast-math'] : []),
        ...build.sources,
      );
      const ran = await sandbox.run(
        {
          key: stepKey(place),
          label: place.step,
          // A compiler takes its time: what is certain to fail is not compiled either.
          argv: look ? lookingFirst(command, { entry }, { root: '/work', imports: false }) : command,
          workspace: files,
          limits,
          environment,
          outputs: ['*.so'],
        },
        signal,
      );
      const rejected = look ? await rejection(ran.ending, ran.stderr.tail) : null;
      if (rejected !== null) {
        const known = { program: { files, entry, build }, said: rejected.said, ending: null };
        return { kind: 'failed', outcome: await diagnosedBuild(store, rejected.outcome, known), log: null };
      }
      const log = ran.stderr.artifact;
      const ended = outcomeOfEnding(ran.ending, saidBy(ran));
      if (ended !== null) {
        // A compiler that ended badly says so; one that was stopped at a limit was stopped.
        const outcome: Outcome = ended.kind === 'crashed' ? { ...ended, kind: 'buildFailed' } : ended;
        const known = {
          program: { files, entry, build },
          said: saidBy(ran),
          ending: ran.ending,
        };
        return { kind: 'failed', outcome: await diagnosedBuild(store, outcome, known), log };
      }
      if (Object.keys(ran.outputs).length === 0)
        return {
          kind: 'failed',
          outcome: { kind: 'buildFailed', reason: 'the build left no extension module' },
          log,
        };
      const made = Object.entries(ran.outputs).map(([path, module]) => [join(beside, path), module] as const);
      const ready: Program = { files: { ...files, ...Object.fromEntries(made) }, entry, build: null };
      const built: Built = { kind: 'built', program: await writeJson(store.blobs, ready), log };
      await store.ledger.remember(contentKey, built);
      return built;
    });
  },
});

/** What of an environment a build depends on. */
const mountedKey = (environment: Mounted | undefined): string[] =>
  environment === undefined ? [] : [environment.kind === 'layer' ? environment.lock : environment.image];
