import type { Diagnosis } from '../domain/diagnosis.schema.ts';
import { diagnosisLines } from '../domain/diagnosis.ts';
import type { FileChange } from '../domain/file-change.ts';
import { ranked } from '../domain/leaderboard.ts';
import type { Objective } from '../domain/objective.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { askedText, figuresNote, remarksOn, scoreDigits, times } from '../domain/trial.ts';
import { excerpt, shortened } from './excerpt.ts';
import { type CandidateFacts, type JobFacts, lastTry, metricOf, standingOf, type TryFacts } from './facts.ts';
import { duration, moment, plusMinus, range, rangeOf } from './figures.ts';
import { type Html, html } from './html.ts';
import { linearScale, linearTicks, logScale, logTicks, spanOf } from './scale.ts';
import { triedWords, verdictWords } from './words.ts';

/** Characters all candidates of a report may take with their diffs, reasons and logs together, about. */
const roomForAll = 3_000_000;
const mostRoom = 40_000;
const leastRoom = 300;
/** Texts of one candidate that are cut to its share. */
const textsEach = 4;

/**
 * Returns every candidate, the best first, as a row that opens. It says what was changed, how it ended, and on
 * what it was judged.
 */
export function candidateList(job: JobFacts): Html {
  const { candidates, best, chosen, objective } = job;
  const metrics = candidates.flatMap((each) => metricOf(each) ?? []);
  const { bar, axis } = intervalBars(metrics, objective);
  const room = roomFor(candidates.length);
  return html`<div class="candidates">
<div class="row head" aria-hidden="true"><span>verdict</span><span>candidate</span><span class="number">${objective.kind === 'score' ? shortened(objective.metric, 40) : 'speed-up'}</span><span>95 % interval ${axis}</span></div>
${ranked(candidates, lastTry, objective).map((candidate) =>
  candidateRow(
    candidate,
    objective,
    [
      ...(candidate.id === chosen?.candidate ? ['chosen'] : []),
      ...(candidate.id === best?.candidate ? ['best'] : []),
    ],
    bar,
    room,
  ),
)}</div>`;
}

const roomFor = (candidates: number): number =>
  Math.min(mostRoom, Math.max(leastRoom, Math.floor(roomForAll / textsEach / Math.max(1, candidates))));

function candidateRow(
  candidate: CandidateFacts,
  objective: Objective,
  marks: readonly string[],
  bar: (metric: Interval | null) => Html,
  room: number,
): Html {
  const metric = metricOf(candidate);
  return html`<details class="candidate ${standingOf(candidate, objective)}${marks.length > 0 ? ' top' : ''}">
<summary class="row">
<span class="verdict"><span class="badge">${marks.map((mark) => `${mark}, `)}${verdictWords(candidate, objective)}</span></span>
<span class="what"><span class="title"><b>${candidate.id}</b> ${shortened(candidate.title, 200)}${
    candidate.parents.length === 0
      ? null
      : html` <span class="from">from ${candidate.parents.join(', ')}</span>`
  }</span>
<span class="why">${shortened(whyOf(candidate), 240)}</span></span>
<span class="number">${metric === null ? html`<span class="none">–</span>` : numberOf(metric, objective)}</span>
<span class="bar">${bar(metric)}</span>
</summary>
<div class="inside">
${candidateDetails(candidate, room)}
</div>
</details>
`;
}

/** The metric without its name, which stands above. */
const numberOf = (metric: Interval, { kind }: Objective): string =>
  kind === 'score' ? scoreDigits(metric)(metric.value) : times(metric.value);

/** Returns why it stands as it does: the reason it was refused, or what it changed. */
function whyOf(candidate: CandidateFacts): string {
  const { outcome } = lastTry(candidate);
  if (!('reason' in outcome)) return candidate.note;
  const reason = outcome.reason.trim().split('\n').at(-1) ?? '';
  return candidate.tries.length > 1 ? `did not hold when tried again: ${reason}` : reason;
}

/** Returns all that is on record of one candidate; each long text in at most `room` characters. */
export function candidateDetails(candidate: CandidateFacts, room = mostRoom): Html {
  const { note, operator, parents, entry, build } = candidate;
  const from = parents.length === 0 ? '' : ` from ${parents.join(', ')}`;
  return html`${note === '' ? null : html`<p>${excerpt(note, 600)}</p>`}
<p class="quiet">${operator}${from} · entered at <code>${shortened(entry, 300)}</code>${
    build === null ? null : html` · built with ${build}`
  }</p>
${changes(candidate.changes, room)}
${candidate.tries.map((each) => oneTry(each, room))}`;
}

const changeWords: Record<FileChange['change'], string> = {
  added: 'new file',
  removed: 'removed',
  changed: 'changed',
  whole: 'as it is',
};

function changes(files: readonly FileChange[], room: number): Html {
  if (files.length === 0) return html`<p class="quiet">No text file differs from the baseline.</p>`;
  const shown = files.slice(0, 40);
  const each = Math.max(leastRoom, Math.floor(room / shown.length));
  return html`${shown.map(
    ({ path, was, change, patch, note }) => html`<figure class="file">
<figcaption><code>${shortened(path, 200)}</code> <span class="quiet">${changeWords[change]}${
      was === undefined ? '' : ` from ${shortened(was, 200)}`
    }${note === null ? '' : `; ${note}`}</span></figcaption>
${patch === null ? null : diff(patch, change, each)}
</figure>
`,
  )}${files.length > shown.length ? html`<p class="quiet">${files.length - shown.length} more files differ.</p>` : null}`;
}

const lineClasses: Record<string, string> = { '+': 'plus', '-': 'minus', '@': 'hunk' };

/** Neighbouring lines of one kind are one element. */
function diff(patch: string, change: FileChange['change'], room: number): Html {
  const lines = excerpt(patch, room).split('\n');
  if (change === 'whole') return html`<pre>${lines.join('\n')}</pre>`;
  const runs: { kind: string; lines: string[] }[] = [];
  for (const line of lines) {
    const kind = lineClasses[line.charAt(0)] ?? '';
    const last = runs.at(-1);
    if (last?.kind === kind) last.lines.push(line);
    else runs.push({ kind, lines: [line] });
  }
  return html`<pre class="diff">${runs.map(
    (run) => html`<span class="${run.kind}">${run.lines.join('\n')}
</span>`,
  )}</pre>`;
}

const purposeWords: Record<TryFacts['purpose'], string> = {
  baseline: 'Against itself',
  trial: 'Trial',
  verification: 'Verification, all of it once more',
};

function oneTry(tried: TryFacts, room: number): Html {
  const { purpose, outcome, measurement, timings, seeds, artifacts, logs, at } = tried;
  return html`<section class="try">
<h4>${purposeWords[purpose]}: ${triedWords(outcome.kind)}</h4>
${'reason' in outcome ? html`<pre class="reason">${excerpt(outcome.reason, room)}</pre>` : null}
<dl>
${'reason' in outcome && outcome.diagnosis !== undefined ? diagnosisRows(outcome.diagnosis) : null}${measurement === null ? null : measurementRows(measurement)}${scoreRows(outcome)}<div><dt>ended</dt><dd>${moment(at)}</dd></div>
${
  Object.keys(timings).length === 0
    ? null
    : html`<div><dt>steps took</dt><dd>${Object.entries(timings)
        .map(([step, ms]) => `${step} ${duration(ms)}`)
        .join(' · ')}</dd></div>
`
}${
  seeds.length === 0
    ? null
    : html`<div><dt>${outcome.kind === 'scored' && outcome.scores !== undefined ? 'seeds of its runs' : 'seed of the secret inputs'}</dt><dd><code>${seeds.join(', ')}</code></dd></div>
`
}</dl>
${Object.entries(logs).map(
  ([name, text]) => html`<details><summary>${name}</summary><pre>${excerpt(text, room)}</pre></details>
`,
)}<details><summary>hashes</summary><dl class="hashes">
${Object.entries(artifacts).map(
  ([name, artifact]) => html`<div><dt>${name}</dt><dd><code>${artifact}</code></dd></div>
`,
)}${
  'verdict' in outcome
    ? html`<div><dt>verdict that counts</dt><dd><code>${outcome.verdict}</code></dd></div>
`
    : null
}${
  measurement === null
    ? null
    : html`<div><dt>samples</dt><dd><code>${measurement.samples}</code></dd></div>
`
}</dl></details>
</section>
`;
}

function diagnosisRows(diagnosis: Diagnosis): Html {
  const [what = '', , ...rest] = diagnosisLines(diagnosis);
  return html`<div><dt>diagnosis</dt><dd>${shortened(what, 400)}</dd></div>
<div><dt>what to do</dt><dd>${excerpt(rest.join(' '), 1_200)}</dd></div>
`;
}

/** What each run gave, where a program was scored. */
function scoreRows(outcome: TryFacts['outcome']): Html | null {
  if (outcome.kind !== 'scored' || outcome.scores === undefined) return null;
  const digits = scoreDigits(outcome.metric);
  return html`<div><dt>scores of its runs</dt><dd>${outcome.scores.map(digits).join(' · ')}</dd></div>
`;
}

function measurementRows(measurement: NonNullable<TryFacts['measurement']>): Html {
  const { baselineMs, candidateMs, speedup, pairs, askingMs, noiseFloor, host, runs = [] } = measurement;
  const between = ({ value, low, high }: Interval): string =>
    `${duration(value)} (${duration(low)} to ${duration(high)})`;
  return html`<div><dt>speed-up</dt><dd>${times(speedup.value)} (${range(speedup)})</dd></div>
<div><dt>the program as it was</dt><dd>${between(baselineMs)}</dd></div>
<div><dt>the candidate</dt><dd>${between(candidateMs)}</dd></div>
<div><dt>measured</dt><dd>${pairs} interleaved pairs on ${host}; cost of asking ${duration(askingMs.value)}, ${askedText(measurement)}; noise floor ${plusMinus(noiseFloor)}. ${figuresNote(measurement)}</dd></div>
${remarksOn(measurement).map(
  (remark) => html`<div><dt>note</dt><dd>${remark}</dd></div>
`,
)}${
  runs.length === 0
    ? null
    : html`<div><dt>measured ${runs.length} times</dt><dd>${runs.map((run) => `${times(run.value)} (${range(run)})`).join(' · ')}</dd></div>
`
}`;
}

/**
 * Draws small bars of intervals on one scale, for ratios a logarithmic one with a line at 1×. What was not
 * measured has none.
 */
function intervalBars(
  metrics: readonly Interval[],
  objective: Objective,
): { bar: (metric: Interval | null) => Html; axis: Html } {
  if (objective.kind === 'score') return scoreBars(metrics, objective);
  const low = Math.min(1, ...metrics.map((each) => Math.max(each.low, 1e-6))) / 1.1;
  const high = Math.max(2, ...metrics.map((each) => Math.min(each.high, 1e9))) * 1.1;
  const x = logScale(low, high, 4, 136);
  const px = (value: number): string => x(value).toFixed(1);
  const bar = (metric: Interval | null): Html =>
    metric === null
      ? html``
      : html`<svg width="140" height="16" viewBox="0 0 140 16" role="img" aria-label="${range(metric)}"><title>${range(metric)}</title><line x1="${px(1)}" x2="${px(1)}" y1="1" y2="15" class="tick" /><line x1="${px(1)}" x2="${px(metric.value)}" y1="8" y2="8" class="reach" /><line x1="${px(metric.low)}" x2="${px(metric.high)}" y1="8" y2="8" class="whisker" /><circle cx="${px(metric.value)}" cy="8" r="3.5" class="dot" /></svg>`;
  const ticks = logTicks(low, high, 4);
  const axis = html`<svg width="140" height="16" viewBox="0 0 140 16" class="axis">${ticks.map(
    (tick) => html`<text x="${px(tick)}" y="12" text-anchor="middle">${times(tick)}</text>`,
  )}</svg>`;
  return { bar, axis };
}

/** The same for scores, which have no 1×: from the smallest to the largest. */
function scoreBars(
  metrics: readonly Interval[],
  objective: Objective,
): { bar: (metric: Interval | null) => Html; axis: Html } {
  const { low, high } = spanOf(metrics);
  const x = linearScale(low, high, 4, 136);
  const px = (value: number): string => x(value).toFixed(1);
  const bar = (metric: Interval | null): Html => {
    if (metric === null) return html``;
    const range = rangeOf(metric, objective);
    return html`<svg width="140" height="16" viewBox="0 0 140 16" role="img" aria-label="${range}"><title>${range}</title><line x1="${px(metric.low)}" x2="${px(metric.high)}" y1="8" y2="8" class="whisker" /><circle cx="${px(metric.value)}" cy="8" r="3.5" class="dot" /></svg>`;
  };
  const axis = html`<svg width="140" height="16" viewBox="0 0 140 16" class="axis">${linearTicks(
    low,
    high,
    3,
  ).map(
    ({ value, label }) => html`<text x="${px(value)}" y="12" text-anchor="middle">${label}</text>`,
  )}</svg>`;
  return { bar, axis };
}
