import type { Explained } from '../domain/table.schema.ts';
import type { Interpretation } from '../llm/prompts/replies/learning.ts';
import type { LearntFacts } from './facts.ts';
import { count, figure } from './figures.ts';
import { type Html, html } from './html.ts';
import { curvePlot, pointsPlot } from './learnt-plots.ts';

/**
 * Returns what was learnt from a table: its test, the models with their weights, what they go by. It says where
 * they are weak.
 */
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
<div class="plots">${judged.calibration == null || judged.calibration.length === 0 ? null : calibration(judged.calibration)}
${judged.residuals == null ? null : residuals(judged.residuals)}
${explain === null || explain.curve.length < 2 ? null : learningCurve(explain.curve, judged.metric)}</div>
${explain === null || explain.importance.length === 0 ? null : importance(explain.importance)}
${
  explain === null || explain.dependence.length === 0
    ? null
    : html`<h3>What it predicts on average where a column has a value</h3><div class="plots">${explain.dependence.slice(0, 6).map((each) => dependence(each, judged.confusion?.labels ?? []))}</div>`
}
${
  judged.slices.length === 0
    ? null
    : html`<h3>Where it is weakest</h3>${table(
        ['column', 'value', 'rows', judged.slices[0]?.metric ?? judged.metric],
        judged.slices
          .slice(0, 8)
          .map((each) => [each.column, each.value, count(each.rows), figure(each.score)]),
      )}`
}
${learnt.words === null ? null : inWords(learnt.words)}
${list('Recommendations', explain?.recommendations ?? [])}
${list('In use', explain?.deployment ?? [])}
${list(
  'Began with what worked in',
  learnt.from.map(({ job, what }) => `${job} (${what})`),
)}
${list('What is to be known of the table', warnings)}`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): Html =>
  html`<div class="scroll"><table class="learnt"><thead><tr>${head.map((each) => html`<th>${each}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;

const list = (title: string, lines: readonly string[]): Html | null =>
  lines.length === 0 ? null : html`<h3>${title}</h3><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;

/** What a model says of it: its own words, whose numbers were checked. */
const inWords = ({
  summary,
  findings,
  features,
  recommendations,
  deployment,
  cautions,
}: Interpretation): Html =>
  html`<h3>In words</h3><p>${summary}</p>
<p class="quiet">By a model; each number in it is one of those measured here.</p>
${list(
  'What was found',
  findings.map(({ claim, evidence }) => `${claim} (${evidence})`),
)}
${list(
  'What the columns say',
  features.map(({ feature, meaning }) => `${feature}: ${meaning}`),
)}
${list(
  'What to do',
  recommendations.map(({ action, reason }) => `${action}: ${reason}`),
)}
${list('To be known in use', deployment)}
${list('What the figures do not show', cautions)}`;

const confusion = ({ labels, counts }: { labels: string[]; counts: number[][] }): Html =>
  html`<h3>What was predicted for what</h3>${table(
    ['is', ...labels.map((label) => `predicted ${label}`)],
    counts.map((row, index) => [labels[index] ?? '', ...row.map(count)]),
  )}`;

const calibration = (bins: readonly { predicted: number; observed: number }[]): Html =>
  pointsPlot(
    'How far its chances can be trusted',
    { along: 'predicted', up: 'observed' },
    bins.map(({ predicted: x, observed: y }) => ({ x, y })),
  );

const residuals = ({ predicted, actual }: { predicted: number[]; actual: number[] }): Html =>
  pointsPlot(
    'Predicted and actual',
    { along: 'predicted', up: 'actual' },
    predicted.map((x, index) => ({ x, y: actual[index] ?? x })),
  );

function importance(rows: Explained['importance']): Html {
  const most = rows.reduce((high, { permutation }) => Math.max(high, permutation), 1e-12);
  const shap = rows.some((row) => row.shap !== null);
  return html`<h3>What it goes by</h3><p>What the loss rises by where a column is shuffled.</p>
<div class="scroll"><table class="importance"><thead><tr><th>column</th><th></th><th>loss</th>${shap ? html`<th>SHAP</th>` : null}</tr></thead><tbody>${rows
    .slice(0, 15)
    .map(
      (row) => html`<tr><td>${row.column}</td>
<td><svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${figure(row.permutation)}"><rect width="${(Math.max(0, row.permutation / most) * 100).toFixed(1)}" height="10" fill="currentColor" fill-opacity="0.5" /></svg></td>
<td>${figure(row.permutation)}</td>${shap ? html`<td>${row.shap === null ? '' : figure(row.shap)}</td>` : null}</tr>`,
    )}</tbody></table></div>`;
}

/** Of two classes the chance of the second; of more, of each; else the number that is predicted. */
function dependence(
  { column, values, predicted }: Explained['dependence'][number],
  classes: readonly string[],
): Html {
  const several = (predicted[0]?.length ?? 0) > 1;
  return curvePlot({
    title: column,
    along: column,
    up: several || classes.length === 0 ? 'predicted on average' : `chance of ${classes[1]}`,
    // Two numbers are a yes and a no.
    x: values.length > 2 ? values : values.map(String),
    series: (predicted[0] ?? []).map((_, index) => ({
      name: several ? (classes[index] ?? null) : null,
      y: predicted.map((row) => row[index] ?? 0),
    })),
  });
}

const learningCurve = (curve: Explained['curve'], metric: string): Html =>
  curvePlot({
    ...{ title: 'What more rows gave', along: 'rows learnt from', up: metric },
    x: curve.map(({ rows }) => rows),
    series: [{ name: null, y: curve.map(({ score }) => score) }],
  });
