import { differenceText, meanText, probabilityText } from '../domain/mean-text.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { shortened } from './excerpt.ts';
import type { ArmFacts, GridFacts } from './facts.ts';
import { duration } from './figures.ts';
import { type Html, html } from './html.ts';
import { linearScale, spanOf } from './scale.ts';

/** More arms than these are in the table of cells alone. */
const mostArms = 200;
const mostReasons = 10;

/**
 * Returns what the arms of an experiment came to, a row each, with its interval on one scale. It says why cells
 * failed.
 */
export function gridSection({ names, arms, reasons, cells, baseline }: GridFacts): Html {
  const intervals = arms.flatMap(({ mean }) => (mean !== null && Number.isFinite(mean.low) ? [mean] : []));
  const points = arms.flatMap(({ mean }) => (mean === null ? [] : [{ low: mean.value, high: mean.value }]));
  const { low, high } = spanOf([...intervals, ...points]);
  const place = linearScale(low, high, 4, barWidth - 4);
  const compared = arms.some(({ difference }) => difference !== null);
  return html`<h2>Arms</h2>
<p class="quiet">${cells} cells. A mean stands with its 95 % interval by Student's t; of cells that measure nothing it is the share that passed.${
    compared
      ? ` Differences are of pairs that differ in nothing but ${names.join(', ')} from ${baseline}; p is corrected for the number of arms by Holm's method.`
      : ''
  }</p>
<div class="scroll"><table class="arms">
<tr>${names.map((name) => html`<th>${shortened(name, 60)}</th>`)}<th>done</th><th>failed</th><th>mean</th><th aria-label="interval"></th>${
    compared ? html`<th>difference</th><th>p</th>` : null
  }<th>took</th></tr>
${arms.slice(0, mostArms).map((arm) => row(arm, compared, place))}</table></div>
${arms.length > mostArms ? html`<p class="quiet">${arms.length - mostArms} more arms are in cells.csv.</p>` : null}
${
  reasons.length === 0
    ? null
    : html`<h3>Why cells failed</h3>
<ul>${reasons.slice(0, mostReasons).map(
        ({ text, count }) => html`<li>${count}: ${shortened(text, 300)}</li>
`,
      )}</ul>`
}`;
}

const barWidth = 180;

function row(arm: ArmFacts, compared: boolean, place: (value: number) => number): Html {
  const { values, cells, done, failed, mean, difference, seconds } = arm;
  return html`<tr>${values.map((value) => html`<td>${shortened(value, 60)}</td>`)}<td>${done} of ${cells}</td><td>${failed === 0 ? '' : failed}</td><td>${
    mean === null ? '' : meanText(mean)
  }</td><td>${mean === null ? '' : bar(mean, place)}</td>${
    compared
      ? html`<td>${difference === null ? '' : differenceText(difference.mean)}</td><td>${
          difference === null ? '' : probabilityText(difference.p)
        }</td>`
      : null
  }<td>${seconds === null ? '' : duration(seconds * 1000)}</td></tr>
`;
}

function bar({ value, low, high }: Interval, place: (value: number) => number): Html {
  const px = (at: number): string => place(at).toFixed(1);
  return html`<svg width="${barWidth}" height="14" viewBox="0 0 ${barWidth} 14" role="img" aria-label="interval">${
    Number.isFinite(low) ? html`<path d="M${px(low)} 7H${px(high)}" class="whisker" />` : null
  }<g transform="translate(${px(value)} 7)"><circle r="3.5" class="dot" /></g></svg>`;
}
