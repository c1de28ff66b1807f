import { z } from 'zod';

/** A stored file, named by the SHA-256 of its bytes (64 lower-case hex digits). */
export const Artifact = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hex');
export type Artifact = z.infer<typeof Artifact>;

/** Files by relative path, `/` between parts: `{ 'src/kernel.cpp': '9f86…' }`. */
export const Tree = z.record(z.string(), Artifact);
export type Tree = z.infer<typeof Tree>;
