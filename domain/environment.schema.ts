import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/** What a sandbox shows beside what every sandbox has. */
export const Mounted = z.discriminatedUnion('kind', [
  /** Packages; the lock is a requirements file with one version and the hashes of each. */
  z.object({ kind: z.literal('layer'), lock: Artifact }),
  /** Another image, by its own ID, whatever its name means by now. */
  z.object({ kind: z.literal('image'), image: z.string() }),
]);
export type Mounted = z.infer<typeof Mounted>;

/** The same as it was made ready for a job. `listed` is a `Listed`. */
export const Environment = z.intersection(Mounted, z.object({ listed: Artifact, mb: z.number() }));
export type Environment = z.infer<typeof Environment>;

/** A package that a program finds, and what it is imported as. */
export const FoundPackage = z.object({
  name: z.string().max(200),
  version: z.string().max(100),
  modules: z.array(z.string().max(200)).max(100),
  /** Whether it came with the environment. */
  added: z.boolean(),
});
export type FoundPackage = z.infer<typeof FoundPackage>;

/** What was found in a sandbox when its packages were looked at. */
export const Listed = z.object({
  packages: z.array(FoundPackage).max(5_000),
  /** What a package needs and does not find: `numpy<2`. `found` is the version there, null where there is none. */
  unmet: z.array(
    z.object({
      package: z.string().max(200),
      needs: z.string().max(500),
      found: z.string().max(100).nullable(),
      added: z.boolean(),
    }),
  ),
  /** Modules that were tried and cannot be imported, with the last line of why. */
  failing: z.array(z.object({ package: z.string(), module: z.string(), error: z.string().max(2_000) })),
});
export type Listed = z.infer<typeof Listed>;

/** An environment, and what people are told of it. */
export const Prepared = z.object({ environment: Environment, said: z.string() });
export type Prepared = z.infer<typeof Prepared>;
