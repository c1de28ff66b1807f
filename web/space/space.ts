import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { shortened } from '../excerpt.ts';
import type { JobFacts, SpaceFacts } from '../facts.ts';
import { Html, html } from '../html.ts';
import { stillSize } from './still.ts';

const program = readFileSync(new URL('view.js', import.meta.url), 'utf8');

/** What a page's policy says of the program of its views: this text may run, and no other. */
export const viewPolicy = `script-src 'sha256-${createHash('sha256').update(program).digest('base64')}'`;

/** The program of the views. It is ours, and stands as it is. */
export const viewProgram = new Html([`<script>${program}</script>`], []);

/**
 * Returns what a job and its stages gave that has three dimensions, each to be turned and cut. Null where
 * nothing has.
 */
export function spaceSection(job: JobFacts): Html | null {
  const { spaces, spacesLeft } = spacesOf(job, '');
  if (spaces.length === 0 && spacesLeft.length === 0) return null;
  return html`<section><h2>In three dimensions</h2>
${spaces.map(view)}
${spacesLeft.length > 0 && html`<p class="quiet">Not shown here, so that the report stays small: ${shortened(spacesLeft.join(', '), 600)}</p>`}</section>`;
}

function view({
  kind,
  path,
  told,
  notes,
  shape,
  extent,
  units,
  range,
  level,
  still,
  bytes,
}: SpaceFacts): Html {
  const name = shortened(path, 200);
  const { width, height } = stillSize;
  return html`<figure class="space" data-space="${kind}" data-name="${name}" data-shape="${shape.join(' ')}" data-size="${extent.join(' ')}" data-units="${shortened(units, 40)}" data-range="${range.join(' ')}" data-level="${level}" data-bytes="${bytes}">
<img src="data:image/png;base64,${still}" width="${width}" height="${height}" alt="${name}" />
<figcaption><code>${name}</code> · ${[told, ...notes].map((each) => shortened(each, 300)).join(' · ')} <span class="why-still"></span></figcaption></figure>`;
}

/** Returns whether a job, or a stage of it, has views: without any a page runs nothing. */
export const hasSpaces = (job: JobFacts): boolean => spacesOf(job, '').spaces.length > 0;

/** Its own, then those of its stages, of which the last made the most of it. */
function spacesOf(
  { spaces, spacesLeft, stages }: JobFacts,
  below: string,
): Pick<JobFacts, 'spaces' | 'spacesLeft'> {
  const ofStages = stages
    .toReversed()
    .flatMap(({ name, job }) => (job === null ? [] : [spacesOf(job, `${below}${name}/`)]));
  return {
    spaces: [
      ...spaces.map((space) => ({ ...space, path: `${below}${space.path}` })),
      ...ofStages.flatMap((each) => each.spaces),
    ],
    spacesLeft: [
      ...spacesLeft.map((path) => `${below}${path}`),
      ...ofStages.flatMap((each) => each.spacesLeft),
    ],
  };
}
