import type { Explained } from '../domain/table.schema.ts';
import type { LearntFacts } from './facts.ts';
import { count, figure } from './figures.ts';
import { type Html, html } from './html.ts';

/** Returns what was learnt from a table: its test, the models with their weights, what they go by, where they are weak. */
export function learntSection(learnt: LearntFacts): Html {
  const { judged, blend, explain, warnings } = learnt;
  const [low, high] = judged.interval ?? [judged.score, judged.score];
  return html`<h2>What was learnt</h2>
<p>On ${count(judged.rows)} rows that nothing in the search saw, scored once: <strong>${judged.metric} ${figure(judged.score)}</strong>, 95 %: ${figure(low)} to ${figure(high)}.
Guessing ${judged.naive.what} scores ${figure(judged.naive.score)}. ${judged.learnt ? '' : 'Nothing was learnt that is surely better than that.'}</p>
${table(
  ['model', 'weight', 'score', '95 %', 'folds', 'fit, s', 'predict, s', 'KiB'],
  blend.leaderboard.map((row) => [
    row.title,
    row.weight > 0 ? `${(row.weight * 100).toFixed(0)} %` : '–',
    figure(row.score),
    row.interval == null ? '' : row.interval.map(figure).join(' to '),
    String(row.folds.length),
    row.fitSeconds.toFixed(2),
    row.predictSeconds.toFixed(3),
    (row.bytes / 1024).toFixed(0),
  ]),
)}
${judged.confusion == null ? null : confusion(judged.confusion)}
${judged.calibration == null || judged.calibration.length === 0 ? null : calibration(judged.calibration)}
${judged.residuals == null ? null : residuals(judged.residuals)}
${explain === null || explain.importance.length === 0 ? null : importance(explain.importance)}
${explain === null ? null : explain.dependence.slice(0, 4).map(dependence)}
${
  judged.slices.length === 0
    ? null
    : html`<h3>Where it is weakest</h3>${table(
        ['column', 'value', 'rows', judged.metric],
        judged.slices
          .slice(0, 8)
          .map((each) => [each.column, each.value, count(each.rows), figure(each.score)]),
      )}`
}
${list('Recommendations', explain?.recommendations ?? [])}
${list('In use', explain?.deployment ?? [])}
${list('Warnings', warnings)}`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): Html =>
  html`<div class="scroll"><table><thead><tr>${head.map((each) => html`<th>${each}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;

const list = (title: string, lines: readonly string[]): Html | null =>
  lines.length === 0 ? null : html`<h3>${title}</h3><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;

const confusion = ({ labels, counts }: { labels: string[]; counts: number[][] }): Html =>
  html`<h3>What was predicted for what</h3>${table(
    ['is', ...labels.map((label) => `predicted ${label}`)],
    counts.map((row, index) => [labels[index] ?? '', ...row.map(count)]),
  )}`;

/** A plot of points, and the line on which both sides are the same. */
function points(title: string, along: string, up: string, all: readonly { x: number; y: number }[]): Html {
  const values = all.flatMap(({ x, y }) => [x, y]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const place = (value: number): number => 20 + ((value - low) / (high - low || 1)) * 260;
  return html`<h3>${title}</h3><svg viewBox="0 0 300 300" width="300" role="img" aria-label="${title}: ${up} by ${along}">
<line x1="20" y1="280" x2="280" y2="20" stroke="currentColor" stroke-opacity="0.3" />
${all.map(({ x, y }) => html`<circle cx="${place(x).toFixed(1)}" cy="${(300 - place(y)).toFixed(1)}" r="3" fill="currentColor" fill-opacity="0.5" />`)}
<text x="150" y="297" text-anchor="middle" font-size="11" fill="currentColor">${along}</text>
<text x="12" y="150" text-anchor="middle" font-size="11" fill="currentColor" transform="rotate(-90 12 150)">${up}</text></svg>`;
}

const calibration = (bins: readonly { predicted: number; observed: number }[]): Html =>
  points(
    'How far its chances can be trusted',
    'predicted',
    'observed',
    bins.map(({ predicted: x, observed: y }) => ({ x, y })),
  );

const residuals = ({ predicted, actual }: { predicted: number[]; actual: number[] }): Html =>
  points(
    'Predicted and actual',
    'predicted',
    'actual',
    predicted.map((x, index) => ({ x, y: actual[index] ?? x })),
  );

function importance(rows: readonly { column: string; permutation: number; shap: number | null }[]): Html {
  const most = Math.max(...rows.map(({ permutation }) => permutation), 1e-12);
  return html`<h3>What it goes by</h3><p>What the loss rises by where a column is shuffled.</p>
<table><tbody>${rows.slice(0, 15).map(
    ({ column, permutation, shap }) => html`<tr><td>${column}</td>
<td><svg width="160" height="12" role="img" aria-label="${figure(permutation)}"><rect width="${(Math.max(0, permutation / most) * 160).toFixed(1)}" height="12" fill="currentColor" fill-opacity="0.5" /></svg></td>
<td>${figure(permutation)}</td><td>${shap === null ? '' : `SHAP ${figure(shap)}`}</td></tr>`,
  )}</tbody></table>`;
}

function dependence({ column, values, predicted }: Explained['dependence'][number]): Html {
  const rows = values.map((value, index) => [
    typeof value === 'number' ? figure(value) : value,
    figure(predicted[index]?.[0] ?? null),
  ]);
  return html`<h3>What it predicts on average by ${column}</h3>${table([column, 'predicted'], rows)}`;
}
