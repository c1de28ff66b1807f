import type { JobFacts, PictureFacts, ReportFacts } from './facts.ts';
import { html } from './html.ts';
import { judgedSection } from './judged.ts';
import { learntSection } from './learnt.ts';
import { page } from './page.ts';
import { recordSection } from './record.ts';
import { hasSpaces, spaceSection } from './space/space.ts';
import { workOf } from './stages.ts';
import { verdictOf, verdictSection } from './verdict.ts';

/**
 * Returns the report of a job: one HTML file that needs nothing else and asks no server. It runs the program of
 * its 3D views alone, where it has any. Every text in it is escaped, with control and bidirectional characters
 * made visible. Long ones are cut with a note. The same facts give the same bytes.
 */
export function renderReport({ job, environment }: ReportFacts): string {
  const shown = pictureOfJob(job);
  return page(
    `${job.name}: ${verdictOf(job).large}`,
    html`${verdictSection(job, shown)}
${spaceSection(job)}
${job.learnt === null ? null : html`<section>${learntSection(job.learnt)}</section>`}
<section>${workOf(job, shown)}</section>
<section>${judgedSection(job)}</section>
<section>${recordSection(job, environment)}</section>`,
    { views: hasSpaces(job) },
  ).toString();
}

/** Returns the picture for the first screen: the last one of the last stage that made any. */
function pictureOfJob(job: JobFacts): PictureFacts | null {
  const own = job.pictures.at(-1);
  if (own !== undefined) return own;
  return job.stages.toReversed().flatMap((stage) => stage.job?.pictures.at(-1) ?? [])[0] ?? null;
}
