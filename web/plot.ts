import type { Standing } from '../domain/leaderboard.ts';
import { type Found, foundIn, type Objective, surpasses } from '../domain/objective.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { metricText, times, valueText } from '../domain/trial.ts';
import { shortened } from './excerpt.ts';
import { type CandidateFacts, type JobFacts, lastTry, metricOf, standingOf } from './facts.ts';
import { type Html, html } from './html.ts';
import { linearScale, linearTicks, logScale, logTicks, spanOf, timeTicks } from './scale.ts';
import { verdictWords } from './words.ts';

/** One candidate on the plot, in pixels; whiskers only where something was measured. */
export interface Mark {
  x: number;
  y: number;
  whisker: { top: number; bottom: number } | null;
  standing: Standing;
  /** What it is, for who points at it. */
  title: string;
  /** Drawn beside it; null where there is no room. */
  label: { text: string; x: number; y: number; anchor: 'start' | 'end' } | null;
}

/** The search over time, laid out in `width` × `height` pixels. */
export interface PlotLayout {
  width: number;
  height: number;
  left: number;
  right: number;
  bottom: number;
  /** Where the baseline is: 1×, or its score; null where there is none. */
  baselineY: number | null;
  xTicks: { x: number; label: string }[];
  yTicks: { y: number; label: string }[];
  /** What is along the bottom, and what along the side. */
  along: { x: string; y: string };
  marks: Mark[];
  /** The best so far as a line of steps, from the start to the right edge. */
  best: { x: number; y: number }[];
}

const top = 34;
const footer = 44;

/** How metrics become heights. */
interface Side {
  y(value: number): number;
  ticks: { y: number; label: string }[];
  /** The metric of the baseline; null where there is none. */
  baseline: number | null;
  /** Where those stand that have no metric. */
  nothing: number;
  words: string;
}

/** Ratios on a logarithmic axis, with 1× for the baseline. */
function ratioSide(measured: readonly Interval[], bottom: number): Side {
  const lowest = Math.min(1, ...measured.map(({ value, low }) => Math.max(low, value / 10, 1e-6))) / 1.25;
  const highest = Math.max(2, ...measured.map(({ value, high }) => Math.min(high, value * 10, 1e9))) * 1.25;
  const y = logScale(lowest, highest, bottom, top);
  const ticks = logTicks(lowest, highest, 8).map((value) => ({ y: y(value), label: times(value) }));
  return { y, ticks, baseline: 1, nothing: y(1), words: 'times faster, logarithmic' };
}

function scoreSide(
  measured: readonly Interval[],
  baseline: Interval | null,
  { metric, direction }: Extract<Objective, { kind: 'score' }>,
  bottom: number,
): Side {
  const { low, high } = spanOf(baseline === null ? measured : [...measured, baseline]);
  const y = linearScale(low, high, bottom, top);
  const ticks = linearTicks(low, high, 8).map(({ value, label }) => ({ y: y(value), label }));
  const better = direction === 'maximize' ? 'more is better' : 'less is better';
  return {
    ...{ y, ticks, nothing: bottom, baseline: baseline?.value ?? null },
    words: `${shortened(metric, 40)}, ${better}`,
  };
}

/** How candidates are put side by side. */
interface Along {
  x(index: number): number;
  ticks: { x: number; label: string }[];
  words: string;
}

/** By when each ended. */
function alongTime(
  job: JobFacts,
  ends: readonly number[],
  [left, right]: [number, number],
  width: number,
): Along {
  const endMs = Math.max(1000, ...ends.map((at) => at - job.startedAt)) * 1.04;
  const place = (ms: number): number => left + (Math.max(0, ms) / endMs) * (right - left);
  const { ticks, unit } = timeTicks(endMs, width < 600 ? 4 : 8);
  return {
    x: (index) => place((ends[index] ?? 0) - job.startedAt),
    ticks: ticks.map(({ value, label }) => ({ x: place(value), label })),
    words: `${unit} since the start`,
  };
}

/** By which trial it was. */
function alongTrials(count: number, [left, right]: [number, number], width: number): Along {
  const place = linearScale(0, count + 1, left, right);
  return {
    x: (index) => place(index + 1),
    ticks: linearTicks(1, Math.max(2, count), width < 600 ? 5 : 12)
      .filter(({ value }) => Number.isInteger(value) && value <= count)
      .map(({ value, label }) => ({ x: place(value), label })),
    words: 'trials',
  };
}

/**
 * Lays out what was found of each candidate. Ratios stand by when they ended, on a logarithmic axis, those
 * without one on the line of the baseline. Scores stand by which trial it was.
 */
export function layOutPlot(job: JobFacts, width: number): PlotLayout {
  const height = Math.round(Math.max(240, width * 0.36));
  const [left, right, bottom] = [48, width - 14, height - footer];
  const tried = [...job.candidates].sort((a, b) => lastTry(a).at - lastTry(b).at);
  const measured = tried.flatMap((each) => metricOf(each) ?? []);
  const { objective } = job;
  const begun = job.baseline === null ? null : metricOf(job.baseline);
  const side =
    objective.kind === 'score' ? scoreSide(measured, begun, objective, bottom) : ratioSide(measured, bottom);
  const along =
    objective.kind === 'score'
      ? alongTrials(tried.length, [left, right], width)
      : alongTime(
          job,
          tried.map((each) => lastTry(each).at),
          [left, right],
          width,
        );
  const { y } = side;

  const marks = tried.map((candidate, index): Mark => {
    const metric = metricOf(candidate);
    return {
      x: along.x(index),
      y: metric === null ? side.nothing : y(metric.value),
      whisker: metric === null ? null : { top: y(metric.high), bottom: y(metric.low) },
      standing: standingOf(candidate, job.objective),
      title: titleOf(candidate, job.objective),
      label: null,
    };
  });

  const baselineY = side.baseline === null ? null : y(side.baseline);
  const best: { x: number; y: number }[] = baselineY === null ? [] : [{ x: left, y: baselineY }];
  const leaders: number[] = [];
  let first = firstOf(objective, begun);
  for (const [index, mark] of marks.entries()) {
    const found = tried[index] === undefined ? null : foundIn(lastTry(tried[index]).outcome);
    if (mark.standing !== 'verified' || found === null) continue;
    if (first !== null && !surpasses(found, first, objective)) continue;
    const before = best.at(-1);
    if (before !== undefined) best.push({ x: mark.x, y: before.y });
    best.push({ x: mark.x, y: mark.y });
    first = found;
    leaders.push(index);
  }
  const last = best.at(-1);
  if (last !== undefined) best.push({ x: right, y: last.y });

  return {
    width,
    height,
    left,
    right,
    bottom,
    baselineY,
    xTicks: along.ticks,
    yTicks: side.ticks,
    along: { x: along.words, y: side.words },
    marks: labelled(marks, leaders, tried, objective, left),
    best,
  };
}

/** Returns what the first candidate has to surpass: the original's own speed, its score, or nothing. */
function firstOf(objective: Objective, begun: Interval | null): Found | null {
  const metric = objective.kind === 'score' ? begun : { value: 1, low: 1, high: 1 };
  return metric === null ? null : { outcome: 'scored', metric, passed: null };
}

/** The candidates that became best get their names, the last of them first, as far as no two names overlap. */
function labelled(
  marks: Mark[],
  leaders: readonly number[],
  tried: readonly CandidateFacts[],
  objective: Objective,
  left: number,
): Mark[] {
  const taken: { from: number; to: number; y: number }[] = [];
  const result = [...marks];
  for (const index of leaders.toReversed()) {
    const mark = marks[index];
    const metric = tried[index] === undefined ? null : metricOf(tried[index]);
    if (mark === undefined || metric === null) continue;
    const text = `${tried[index]?.id ?? ''} · ${valueText(metric, objective)}`;
    const wide = 6.6 * text.length;
    const anchor = mark.x - 8 - wide < left ? 'start' : 'end';
    const at = anchor === 'end' ? mark.x - 8 : mark.x + 8;
    // Above the step to the left of a dot; to the right the line of the best goes on.
    const y = mark.y - 8;
    const box = { from: anchor === 'end' ? at - wide : at, to: anchor === 'end' ? at : at + wide, y };
    const free = taken.every(
      (other) => other.to < box.from || box.to < other.from || Math.abs(other.y - y) > 14,
    );
    if (!free) continue;
    taken.push(box);
    result[index] = { ...mark, label: { text, x: at, y, anchor } };
  }
  return result;
}

function titleOf(candidate: CandidateFacts, objective: Objective): string {
  const metric = metricOf(candidate);
  const ended = metric === null ? '' : ` ${metricText(metric, objective)}`;
  return `${candidate.id} ${shortened(candidate.title, 80)}: ${verdictWords(candidate, objective)}${ended}`;
}

const px = (value: number): string => value.toFixed(1);

/** With caps where they stand clear of the dot. */
function whiskerPath(x: number, { top, bottom }: NonNullable<Mark['whisker']>): string {
  const line = `M${px(x)} ${px(top)}V${px(bottom)}`;
  if (bottom - top < 14) return line;
  return `${line}M${px(x - 4)} ${px(top)}h8M${px(x - 4)} ${px(bottom)}h8`;
}

/** Returns a mark of a standing around 0, 0; the legend shows the same ones. */
export function symbol(standing: Standing): Html {
  switch (standing) {
    case 'verified':
      return html`<circle r="4" class="dot verified" />`;
    case 'better':
    case 'passed':
      return html`<circle r="3.5" class="dot" />`;
    case 'worse':
      return html`<circle r="3.5" class="dot hollow" />`;
    case 'refused':
      return html`<path d="M-4.5-4.5 4.5 4.5M-4.5 4.5 4.5-4.5" class="cross" />`;
    case 'failed':
      return html`<path d="M0-5 5 4-5 4Z" class="dot hollow" />`;
  }
}

/** Returns the layout as inline SVG; `className` tells the style for which screens it is. */
export function drawPlot(plot: PlotLayout, className: string): Html {
  const { width, height, left, right, bottom } = plot;
  const path = plot.best.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
  return html`<svg class="plot ${className}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${plot.along.y}: every candidate">
${plot.yTicks.map(
  ({ y, label }) => html`<line x1="${px(left)}" x2="${px(right)}" y1="${px(y)}" y2="${px(y)}" class="grid" />
<text x="${px(left - 8)}" y="${px(y + 4)}" text-anchor="end">${label}</text>
`,
)}${plot.xTicks.map(
  ({
    x,
    label,
  }) => html`<line x1="${px(x)}" x2="${px(x)}" y1="${px(bottom)}" y2="${px(bottom + 4)}" class="tick" />
<text x="${px(x)}" y="${px(bottom + 18)}" text-anchor="middle">${label}</text>
`,
)}<text x="${px(right)}" y="${px(height - 6)}" text-anchor="end" class="axis">${plot.along.x}</text>
<text x="${px(left)}" y="12" class="axis">${plot.along.y}</text>
${plot.baselineY === null ? null : html`<line x1="${px(left)}" x2="${px(right)}" y1="${px(plot.baselineY)}" y2="${px(plot.baselineY)}" class="baseline" />`}
<path d="${path}" class="best" />
${plot.marks.map(
  ({ x, y, whisker, standing, title, label }) => html`<g class="${standing}"><title>${title}</title>${
    whisker === null ? null : html`<path d="${whiskerPath(x, whisker)}" class="whisker" />`
  }<g transform="translate(${px(x)} ${px(y)})">${symbol(standing)}</g>${
    label === null
      ? null
      : html`<text x="${px(label.x)}" y="${px(label.y)}" text-anchor="${label.anchor}" class="name">${label.text}</text>`
  }</g>
`,
)}</svg>`;
}

const legend: [Standing, string][] = [
  ['verified', 'verified by a second trial'],
  ['better', 'better, not than the best so far'],
  ['worse', 'right, no sure gain'],
  ['refused', 'refused by the grader'],
  ['failed', 'did not build or finish'],
];

/** Returns the search over time: once for wide and once for narrow screens, and what its marks mean. */
export function searchPlot(job: JobFacts): Html {
  const shown = legend.filter(([standing]) =>
    job.candidates.some((each) => standingOf(each, job.objective) === standing),
  );
  return html`<figure>
${drawPlot(layOutPlot(job, 980), 'wide')}
${drawPlot(layOutPlot(job, 360), 'narrow')}
<figcaption class="legend">
<span><svg width="26" height="14" viewBox="-13 -7 26 14"><path d="M-13 4H0V-4H13" class="best" /></svg>best so far</span>
${shown.map(
  ([standing, words]) =>
    html`<span><svg width="14" height="14" viewBox="-7 -7 14 14">${symbol(standing)}</svg>${words}</span>
`,
)}</figcaption>
</figure>`;
}
