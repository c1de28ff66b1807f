import { triesTwice } from '../domain/objective.ts';
import { times } from '../domain/trial.ts';
import { candidateDetails, candidateList } from './candidates.ts';
import { shortened } from './excerpt.ts';
import {
  type CandidateFacts,
  type JobFacts,
  lastTry,
  type PictureFacts,
  type ProfileFacts,
  type StageFacts,
} from './facts.ts';
import { duration, plusMinus } from './figures.ts';
import { gainedSection } from './gained.ts';
import { gridSection } from './grid.ts';
import { type Html, html } from './html.ts';
import { gallery } from './pictures.ts';
import { searchPlot } from './plot.ts';
import { verdictOf } from './verdict.ts';
import { verdictWords } from './words.ts';

/** Returns what a job did: its stages, or its search, or its one run. `shown` is the picture that already stands above. */
export function workOf(job: JobFacts, shown: PictureFacts | null): Html {
  if (job.grid !== null) return gridSection(job.grid);
  if (job.stages.length > 0) return stagesSection(job.stages, shown);
  const pictures = job.pictures.filter((each) => each !== shown);
  return html`${triesTwice(job.objective) ? searchSection(job) : runSection(job)}
${
  pictures.length === 0
    ? null
    : html`<h3>Pictures</h3>
${gallery(pictures)}`
}`;
}

function searchSection(job: JobFacts): Html {
  const { baseline, candidates } = job;
  if (candidates.length === 0)
    return html`${baselineLine(job)}
<p class="quiet">${baseline === null ? 'The program as it is was never measured.' : 'No candidate was tried.'}</p>
${notUsedList(job)}`;
  return html`<h3>${job.objective.kind === 'score' ? 'The search, trial by trial' : 'The search over time'}</h3>
${baselineLine(job)}
${searchPlot(job)}
<h3>Candidates</h3>
<p class="quiet">The best first. ${verifiedHow(job)}</p>
${candidateList(job)}
${gainedSection(job)}
${profileTable(job.profile, 'Where the time of the program as it is goes')}
${profileTable(job.profileAfter, 'Where the time of the best goes')}
${notUsedList(job)}`;
}

/** Where the time went before, and what it would bring at most if a line cost nothing: Amdahl's bound. */
function profileTable(profile: ProfileFacts | null, title: string): Html | null {
  if (profile === null || profile.lines.length === 0) return null;
  const bound = (share: number): string => (share < 0.995 ? `at most ${times(1 / (1 - share))}` : 'no bound');
  const held = profile.held.map(({ name, type }) => `${name}: ${type}`).join('; ');
  return html`<h3>${title}</h3>
<p class="quiet">On one case. A line counts with all that it calls; the last column is what a program gains at most that does away with it.</p>
${
  held === ''
    ? null
    : html`<p>Called with ${shortened(held, 600)}.</p>
`
}<table class="words">
<thead><tr><th>Line</th><th>Code</th><th>Share</th><th>Gain</th></tr></thead>
<tbody>${profile.lines.map(
    ({ place, text, share }) =>
      html`<tr><td>${place}</td><td><code>${shortened(text, 120)}</code></td><td>${(100 * share).toFixed(0)} %</td><td>${bound(share)}</td></tr>
`,
  )}</tbody></table>`;
}

function verifiedHow({ objective, learnt }: JobFacts): string {
  if (learnt !== null)
    return 'What is good on one fold is fitted on the others too; what has predicted all of them may be blended.';
  return objective.kind === 'score'
    ? 'One that is surely better than the best so far is verified: run and scored again, with new seeds.'
    : 'One that is measured as faster than the best so far is verified: judged and measured again.';
}

function notUsedList({ notUsed }: JobFacts): Html | null {
  if (notUsed.length === 0) return null;
  return html`<h3>Strategies not used</h3>
<ul>${notUsed.map(
    ({
      strategies,
      reason,
    }) => html`<li>${shortened(strategies.join(', '), 300)}: ${shortened(reason, 600)}</li>
`,
  )}</ul>`;
}

function baselineLine({ baseline }: JobFacts): Html | null {
  if (baseline === null) return null;
  const { measurement } = lastTry(baseline);
  return html`${
    measurement === null
      ? null
      : html`<p>The program as it is takes ${duration(measurement.baselineMs.value)} (${duration(measurement.baselineMs.low)} to ${duration(measurement.baselineMs.high)}) on ${measurement.host}; against itself it measures ${times(measurement.speedup.value)} ${plusMinus(measurement.noiseFloor)}, which is the noise floor.</p>
`
  }<details class="source"><summary>the program as it is</summary>
<div class="inside">${candidateDetails(baseline)}</div></details>`;
}

function runSection({ candidates, outputs, objective }: JobFacts): Html {
  const headOf = (candidate: CandidateFacts): string =>
    candidates.length === 1
      ? 'the program and how it ran'
      : `${candidate.id} ${shortened(candidate.title, 200)}: ${verdictWords(candidate, objective)}`;
  return html`${candidates.map(
    (candidate) =>
      html`<details class="source"><summary>${headOf(candidate)}</summary><div class="inside">${candidateDetails(candidate)}</div></details>
`,
  )}${
    outputs.length === 0
      ? null
      : html`<details class="source"><summary>what it gave back: ${outputs.length === 1 ? '1 file' : `${outputs.length} files`}</summary>
<div class="inside"><dl class="hashes">
${outputs.slice(0, 200).map(
  ({ path, artifact }) => html`<div><dt>${shortened(path, 200)}</dt><dd><code>${artifact}</code></dd></div>
`,
)}</dl>${outputs.length > 200 ? html`<p class="quiet">${outputs.length - 200} more files.</p>` : null}</div></details>`
  }`;
}

function stagesSection(stages: readonly StageFacts[], shown: PictureFacts | null): Html {
  return html`<h2>Stages</h2>
<ol class="stages">
${stages.map(
  (
    stage,
  ) => html`<li class="${stage.job?.status ?? 'waiting'}"><b>${stage.name}</b> <span class="quiet">${stage.kind}${
    stage.needs.length === 0 ? '' : ` after ${stage.needs.join(', ')}`
  }</span> <span class="number quiet">${tookOf(stage)}</span><br />${endOf(stage)}</li>
`,
)}</ol>
${stages.map(
  (stage) =>
    html`${
      stage.job === null
        ? null
        : html`<section class="stage">
<h2><span class="quiet">Stage</span> ${stage.name}</h2>
<p class="task">${shortened(stage.job.task, 600)}</p>
<p>${verdictOf(stage.job).sentence}${stage.state.kind === 'takenOver' ? takenOverFrom(stage.state.from) : null}</p>
${workOf(stage.job, shown)}
</section>
`
    }`,
)}`;
}

const takenOverFrom = (from: string): Html =>
  html`<br /><span class="quiet">Taken over from <code>${from}</code>: the same job on the same files was done before.</span>`;

const tookOf = ({ state, job }: StageFacts): string =>
  state.kind !== 'ran' || job === null || job.endedAt === null ? '' : duration(job.endedAt - job.startedAt);

function endOf({ state, job }: StageFacts): Html {
  if (state.kind === 'waiting') return html`<span class="quiet">not begun</span>`;
  const { large, beside } = job === null ? { large: 'done', beside: null } : verdictOf(job);
  const line = beside === null ? shortened(job?.summary ?? large, 240) : `${large} ${beside}`;
  return state.kind === 'takenOver'
    ? html`${line} <span class="quiet">· taken over from <code>${state.from}</code></span>`
    : html`${line}`;
}
