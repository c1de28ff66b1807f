import type { Interval } from '../domain/outcome.schema.ts';
import { times } from '../domain/trial.ts';
import { shortened } from './excerpt.ts';
import { type CandidateFacts, givenBy, type JobFacts, lastTry, metricOf, standingOf } from './facts.ts';
import { figure, rangeOf } from './figures.ts';
import { type Html, html } from './html.ts';

/**
 * Returns what the best gains over each of three baselines, and what a gain cost. It shows how far from the
 * expected answers speed takes candidates.
 */
export function gainedSection(job: JobFacts): Html | null {
  const given = givenBy(job);
  if (job.objective.kind !== 'ratio' || given?.metric == null) return null;
  const right = job.candidates.filter((each) => metricOf(each) !== null);
  return html`<h3>What it gains over what</h3>
<table class="words">
<thead><tr><th>Beside</th><th>That is</th><th>The best gains</th></tr></thead>
<tbody><tr><td>the program as it is</td><td>1×</td><td>${times(given.metric.value)} (${rangeOf(given.metric, job.objective)})</td></tr>
${rivalRow('the best that strategies made, without a model', bestOf(right.filter(isMechanical)), given, 'none of them was right and measured')}
${rivalRow('the best in plain NumPy', bestOf(right.filter(({ plainNumpy }) => plainNumpy)), given, 'no candidate that imports NumPy alone was right and measured')}
</tbody></table>
${costOf(job, given.metric)}
${errorTable(job, right)}`;
}

const mostRows = 20;

const isMechanical = ({ operator }: CandidateFacts): boolean => operator === 'strategy';

const bestOf = (candidates: readonly CandidateFacts[]): CandidateFacts | undefined =>
  candidates.toSorted((a, b) => (metricOf(b)?.value ?? 0) - (metricOf(a)?.value ?? 0))[0];

function rivalRow(
  name: string,
  rival: CandidateFacts | undefined,
  given: { candidate: string; metric: Interval | null },
  otherwise: string,
): Html {
  const metric = rival === undefined ? null : metricOf(rival);
  if (rival === undefined || metric === null)
    return html`<tr><td>${name}</td><td>${otherwise}</td><td></td></tr>`;
  const gain =
    rival.id === given.candidate ? 'it is the best' : times((given.metric?.value ?? 0) / metric.value);
  return html`<tr><td>${name}</td><td>${rival.id} ${shortened(rival.title, 80)}, ${times(metric.value)}</td><td>${gain}</td></tr>`;
}

/** What models cost for each time that the best is faster. */
function costOf({ spend }: JobFacts, { value }: Interval): Html | null {
  const usd = spend.reduce((sum, { microUsd }) => sum + microUsd, 0) / 1e6;
  if (spend.length === 0) return null;
  return html`<p>Models cost $${figure(usd)}, which is $${figure(usd / value)} for each time that it is faster.</p>`;
}

/**
 * Returns the largest error of each right candidate, and its share of what is allowed, against speed. The
 * quickest stands first.
 */
function errorTable({ objective }: JobFacts, right: readonly CandidateFacts[]): Html | null {
  const rows = right
    .flatMap((candidate) => {
      const metric = metricOf(candidate);
      const { error } = lastTry(candidate);
      return metric === null || error === null ? [] : [{ candidate, metric, error }];
    })
    .sort((a, b) => b.metric.value - a.metric.value)
    .slice(0, mostRows);
  if (rows.length === 0) return null;
  return html`<h3>Error against speed</h3>
<p class="quiet">The largest error of an answer, and how much of what the tolerance allows there it takes.</p>
<table>
<thead><tr><th>Candidate</th><th>Speed</th><th>Error</th><th>Of what is allowed</th></tr></thead>
<tbody>${rows.map(
    ({ candidate, metric, error }) =>
      html`<tr><td>${candidate.id} ${shortened(candidate.title, 80)}${standingOf(candidate, objective) === 'verified' ? '' : ', not verified'}</td><td>${times(metric.value)}</td><td>${error.relative === 0 ? '0' : error.relative.toPrecision(2)}</td><td>${error.share === 0 ? '0' : (100 * error.share).toPrecision(2)} %</td></tr>
`,
  )}</tbody></table>`;
}
