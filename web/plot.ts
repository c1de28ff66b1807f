import type { Standing } from '../domain/leaderboard.ts';
import type { Objective } from '../domain/objective.ts';
import { intervalText, times } from '../domain/trial.ts';
import { shortened } from './excerpt.ts';
import { type CandidateFacts, type JobFacts, lastTry, metricOf, standingOf } from './facts.ts';
import { type Html, html } from './html.ts';
import { logScale, logTicks, timeTicks } from './scale.ts';
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
  /** Where 1× is: as fast as the baseline. */
  baselineY: number;
  xTicks: { x: number; label: string }[];
  yTicks: { y: number; label: string }[];
  unit: string;
  marks: Mark[];
  /** The best so far as a line of steps, from the start to the right edge. */
  best: { x: number; y: number }[];
}

const top = 34;
const footer = 44;

/**
 * Lays out when each candidate ended and how fast it was, on a logarithmic axis. Those without a speed-up stand on the line of
 * the baseline.
 */
export function layOutPlot(job: JobFacts, width: number): PlotLayout {
  const height = Math.round(Math.max(240, width * 0.36));
  const [left, right, bottom] = [48, width - 14, height - footer];
  const tried = [...job.candidates].sort((a, b) => lastTry(a).at - lastTry(b).at);
  const measured = tried.flatMap((each) => metricOf(each) ?? []);

  const lowest = Math.min(1, ...measured.map(({ value, low }) => Math.max(low, value / 10, 1e-6)));
  const highest = Math.max(2, ...measured.map(({ value, high }) => Math.min(high, value * 10, 1e9)));
  const y = logScale(lowest / 1.25, highest * 1.25, bottom, top);
  const endMs = Math.max(1000, ...tried.map((each) => lastTry(each).at - job.startedAt)) * 1.04;
  const x = (at: number): number => left + (Math.max(0, at - job.startedAt) / endMs) * (right - left);

  const marks = tried.map((candidate): Mark => {
    const metric = metricOf(candidate);
    return {
      x: x(lastTry(candidate).at),
      y: y(metric?.value ?? 1),
      whisker: metric === null ? null : { top: y(metric.high), bottom: y(metric.low) },
      standing: standingOf(candidate, job.objective),
      title: titleOf(candidate, job.objective),
      label: null,
    };
  });

  let bestY = y(1);
  const best = [{ x: left, y: bestY }];
  const leaders: number[] = [];
  for (const [index, mark] of marks.entries()) {
    if (mark.standing !== 'verified' || mark.y >= bestY) continue;
    best.push({ x: mark.x, y: bestY }, { x: mark.x, y: mark.y });
    bestY = mark.y;
    leaders.push(index);
  }
  best.push({ x: right, y: bestY });

  const { ticks, unit } = timeTicks(endMs, width < 600 ? 4 : 8);
  return {
    width,
    height,
    left,
    right,
    bottom,
    baselineY: y(1),
    xTicks: ticks.map(({ value, label }) => ({ x: x(job.startedAt + value), label })),
    yTicks: logTicks(lowest / 1.25, highest * 1.25, 8).map((value) => ({ y: y(value), label: times(value) })),
    unit,
    marks: labelled(marks, leaders, tried, left),
    best,
  };
}

/** The candidates that became best get their names, the last of them first, as far as no two names overlap. */
function labelled(
  marks: Mark[],
  leaders: readonly number[],
  tried: readonly CandidateFacts[],
  left: number,
): Mark[] {
  const taken: { from: number; to: number; y: number }[] = [];
  const result = [...marks];
  for (const index of leaders.toReversed()) {
    const mark = marks[index];
    const metric = tried[index] === undefined ? null : metricOf(tried[index]);
    if (mark === undefined || metric === null) continue;
    const text = `${tried[index]?.id ?? ''} · ${times(metric.value)}`;
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
  const ended = metric === null ? '' : ` ${intervalText(metric)}`;
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
    case 'faster':
    case 'passed':
      return html`<circle r="3.5" class="dot" />`;
    case 'slower':
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
  return html`<svg class="plot ${className}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Speed-up of every candidate over time">
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
)}<text x="${px(right)}" y="${px(height - 6)}" text-anchor="end" class="axis">${plot.unit} since the start</text>
<text x="${px(left)}" y="12" class="axis">times faster, logarithmic</text>
<line x1="${px(left)}" x2="${px(right)}" y1="${px(plot.baselineY)}" y2="${px(plot.baselineY)}" class="baseline" />
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
  ['faster', 'faster, not than the best so far'],
  ['slower', 'right, no sure gain'],
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
