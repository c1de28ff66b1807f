import type { Job } from '../../domain/job.schema.ts';
import { stagesOf } from '../../domain/kinds/kinds.ts';
import { nearest } from '../../domain/nearest.ts';
import { UserMistake } from '../terminal.ts';

/** Returns the names of a stage and of all that need it, near or far. Throws `UserMistake` where the job has no such stage. */
export function stagesFrom(job: Job, from: string): string[] {
  const stages = stagesOf(job);
  const names = stages.map(({ name }) => name);
  if (!names.includes(from)) {
    const meant = nearest(from, names);
    throw new UserMistake(
      names.length === 0
        ? `--from ${from}: ${job.name} has no stages; --fresh does all of it again`
        : `--from ${from}: there is no such stage${meant === null ? '' : ` (did you mean ${meant}?)`}; the stages are ${names.join(', ')}`,
    );
  }
  const found = new Set([from]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { name, needs } of stages) if (needs.some((need) => found.has(need))) found.add(name);
  }
  return names.filter((name) => found.has(name));
}
