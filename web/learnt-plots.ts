import { shortened } from './excerpt.ts';
import { figure } from './figures.ts';
import { type Html, html } from './html.ts';
import { linearScale, linearTicks, spanOf } from './scale.ts';

/** Values along and up, and what they are called; a series each. */
export interface Curve {
  title: string;
  along: string;
  up: string;
  /** Numbers are places on the axis; texts stand beside each other. */
  x: readonly (number | string)[];
  series: readonly { name: string | null; y: readonly number[] }[];
}

const [width, height] = [360, 240];
const [left, right, top, bottom] = [64, 346, 14, 190];
/** The classes of a target beyond these would be a tangle. */
const mostSeries = 4;
const shades = [1, 0.6, 0.4, 0.25];

/** Returns a curve over numbers as a line, over anything else as bars. */
export function curvePlot({ title, along, up, x, series }: Curve): Html {
  const shown = series.slice(0, mostSeries);
  const numbers = x.every((each) => typeof each === 'number');
  // A bar begins at nothing.
  const ys = [...shown.flatMap(({ y }) => y), ...(numbers ? [] : [0])];
  const spanY = spanOf(ys.map((value) => ({ low: value, high: value })));
  const y = linearScale(spanY.low, spanY.high, bottom, top);
  const xs = numbers ? x.map(Number) : x.map((_, index) => index);
  const spanX = numbers
    ? { low: Math.min(...xs), high: Math.max(...xs) }
    : { low: -0.5, high: x.length - 0.5 };
  const place = linearScale(spanX.low, spanX.high, left, right);
  const labels = numbers
    ? linearTicks(spanX.low, spanX.high, 5).map(({ value }) => ({ x: place(value), label: figure(value) }))
    : x.map((each, index) => ({ x: place(index), label: shortened(String(each), 9) }));
  const turned = !numbers && x.length > 4;
  return html`<figure><figcaption>${title}</figcaption><svg class="learnt" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${up} by ${along}">
${linearTicks(spanY.low, spanY.high, 4).map(({ value }) => upTick(value, y(value)))}
${labels.map(({ x: at, label }) =>
  turned
    ? html`<text x="${at.toFixed(1)}" y="${bottom + 14}" text-anchor="end" font-size="10" fill="currentColor" transform="rotate(-35 ${at.toFixed(1)} ${bottom + 14})">${label}</text>`
    : html`<text x="${at.toFixed(1)}" y="${bottom + 16}" text-anchor="middle" font-size="11" fill="currentColor">${label}</text>`,
)}
${shown.map(({ name, y: values }, index) => (numbers ? line(xs, values, { name, place, y, shade: shades[index] ?? 0.2 }) : bars(values, { name, place, y, index, of: shown.length, each: (right - left) / Math.max(1, x.length) })))}
<text x="${(left + right) / 2}" y="${height - 6}" text-anchor="middle" font-size="11" fill="currentColor">${shortened(along, 40)}</text>
<text x="12" y="${(top + bottom) / 2}" text-anchor="middle" font-size="11" fill="currentColor" transform="rotate(-90 12 ${(top + bottom) / 2})">${shortened(up, 32)}</text></svg>
${shown.length < 2 ? null : html`<p class="quiet">${shown.map(({ name }) => name ?? '').join(', ')}${series.length > shown.length ? ` and ${series.length - shown.length} more` : ''}, the darkest first.</p>`}</figure>`;
}

const upTick = (value: number, at: number): Html =>
  html`<line x1="${left}" x2="${right}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}" stroke="currentColor" stroke-opacity="0.12" />
<text x="${left - 6}" y="${(at + 4).toFixed(1)}" text-anchor="end" font-size="11" fill="currentColor">${figure(value)}</text>`;

interface Drawn {
  name: string | null;
  place: (x: number) => number;
  y: (value: number) => number;
}

function line(
  xs: readonly number[],
  values: readonly number[],
  { name, place, y, shade }: Drawn & { shade: number },
): Html {
  const points = values.map((value, index) => ({
    x: place(xs[index] ?? 0),
    y: y(value),
    value,
    at: xs[index] ?? 0,
  }));
  const path = points
    .map((point, index) => `${index === 0 ? 'M' : 'L'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`)
    .join('');
  return html`<path d="${path}" fill="none" stroke="currentColor" stroke-opacity="${shade}" stroke-width="2" />
${points.map(
  ({ x, y: at, value, at: where }) =>
    html`<circle cx="${x.toFixed(1)}" cy="${at.toFixed(1)}" r="3" fill="currentColor" fill-opacity="${shade}"><title>${name === null ? '' : `${name}: `}${figure(where)}: ${figure(value)}</title></circle>`,
)}`;
}

function bars(
  values: readonly number[],
  { name, place, y, index, of, each }: Drawn & { index: number; of: number; each: number },
): Html {
  const wide = (each * 0.7) / of;
  return html`${values.map((value, at) => {
    const x = place(at) - (each * 0.7) / 2 + index * wide;
    return html`<rect x="${x.toFixed(1)}" y="${y(value).toFixed(1)}" width="${Math.max(1, wide - 1).toFixed(1)}" height="${Math.max(1, bottom - y(value)).toFixed(1)}" fill="currentColor" fill-opacity="${shades[index] ?? 0.2}"><title>${name === null ? '' : `${name}: `}${figure(value)}</title></rect>`;
  })}`;
}

/** Returns points, and the line on which both sides are the same. */
export function pointsPlot(
  title: string,
  { along, up }: { along: string; up: string },
  all: readonly { x: number; y: number }[],
): Html {
  const values = all.flatMap(({ x, y }) => [x, y]);
  const low = values.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY);
  const across = linearScale(low, high, left, right);
  const upwards = linearScale(low, high, bottom, top);
  return html`<figure><figcaption>${title}</figcaption><svg class="learnt" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${up} by ${along}">
${linearTicks(low, high, 4).map(({ value }) => upTick(value, upwards(value)))}
${linearTicks(low, high, 4).map(({ value }) => html`<text x="${across(value).toFixed(1)}" y="${bottom + 16}" text-anchor="middle" font-size="11" fill="currentColor">${figure(value)}</text>`)}
<line x1="${left}" y1="${bottom}" x2="${right}" y2="${top}" stroke="currentColor" stroke-opacity="0.3" />
${all.map(({ x, y }) => html`<circle cx="${across(x).toFixed(1)}" cy="${upwards(y).toFixed(1)}" r="3" fill="currentColor" fill-opacity="0.5" />`)}
<text x="${(left + right) / 2}" y="${height - 6}" text-anchor="middle" font-size="11" fill="currentColor">${along}</text>
<text x="12" y="${(top + bottom) / 2}" text-anchor="middle" font-size="11" fill="currentColor" transform="rotate(-90 12 ${(top + bottom) / 2})">${up}</text></svg></figure>`;
}
