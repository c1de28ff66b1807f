import type { JobInput, Origin, Routes } from './job-input.schema.ts';

/** What a model is asked for; each role has routes of its own. */
export const roles = ['plan', 'draft', 'debug', 'improve', 'explain'] as const;
export type Role = (typeof roles)[number];

/** Strategies alone. */
export const noRoutes: Routes = { plan: [], draft: [], debug: [], improve: [], explain: [] };

/**
 * Why there is a job. A person asked for it, another job needs it as a part, or it tries again what another
 * found.
 */
export const jobRoles = ['job', 'stage', 'cell', 'turn', 'verification', 'fork'] as const;
export type JobRole = (typeof jobRoles)[number];

/** Returns what a job was forked from; null where it is no fork. A verification of a fork is started with the fork's input. */
export const originOf = ({ role, origin }: Pick<JobInput, 'role' | 'origin'>): Origin | null =>
  role === 'fork' ? (origin ?? null) : null;
