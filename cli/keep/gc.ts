import { collectGarbage } from '../../store/collect-garbage.ts';
import { bytesText, type CommandContext } from '../terminal.ts';

const dayMs = 24 * 60 * 60 * 1000;

/**
 * `crucible gc`: says which jobs ended more than `days` ago, and how much room they take, and what nothing needs. With `yes` it removes
 * all of that.
 */
export async function gc(
  context: CommandContext,
  { days, yes }: { days: number; yes: boolean },
): Promise<void> {
  const removed = await collectGarbage(context.store, { before: Date.now() - days * dayMs, dryRun: !yes });
  if (context.json) return context.out(JSON.stringify({ ...removed, dryRun: !yes }));
  const { jobs, artifacts, bytes, keptArtifacts, keptBytes } = removed;
  for (const id of jobs) context.out(`${yes ? 'forgotten' : 'would be forgotten'}: ${id}`);
  const what = `${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'} and ${artifacts} ${artifacts === 1 ? 'file' : 'files'}, ${bytesText(bytes)}`;
  const rest = `${keptArtifacts} files, ${bytesText(keptBytes)}, are needed or not a day old`;
  context.out(
    yes
      ? `removed: ${what}; ${rest}`
      : jobs.length + artifacts === 0
        ? `nothing to remove: ${rest}`
        : `to be removed: ${what}; ${rest}. Nothing was changed; to do it: crucible gc --days ${days} --yes`,
  );
}
