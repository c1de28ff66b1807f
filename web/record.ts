import { dollars } from '../domain/money.ts';
import { excerpt, shortened } from './excerpt.ts';
import { type EnvironmentFacts, type JobFacts, jobsBelow, type RouteSpend } from './facts.ts';
import { count, counted, duration, moment } from './figures.ts';
import { type Html, html } from './html.ts';

/** Lines of the log that are shown; of more, the first and the last. */
const mostLines = 1_000;

/** Returns what was asked, where it ran, what was spent and what was said: the record behind the verdict. */
export const recordSection = (job: JobFacts, environment: EnvironmentFacts): Html => html`<h2>Record</h2>
<h3>Environment</h3>
${environmentList(environment)}
<h3>Spend</h3>
${spendTable(jobsBelow(job).flatMap((each) => each.spend))}
<h3>Job</h3>
<dl><div><dt>id</dt><dd><code>${job.id}</code></dd></div>
<div><dt>begun</dt><dd>${moment(job.startedAt)}</dd></div>
${job.endedAt === null ? null : html`<div><dt>ended</dt><dd>${moment(job.endedAt)}</dd></div>`}</dl>
<details class="source"><summary>the job file, with every default</summary><div class="inside"><pre>${excerpt(job.yaml, 100_000)}</pre></div></details>
${logList(job)}`;

function environmentList({ isolation, hosts, node, crucible }: EnvironmentFacts): Html {
  const held =
    isolation === null
      ? 'not recorded'
      : `${isolation.kind}, memory held by ${isolation.memory === 'cgroup' ? 'a cgroup' : 'watching'}${isolation.perJob ? '; trials of the job are forks of one sandbox' : ''}`;
  return html`<dl>
<div><dt>isolation</dt><dd>${held}</dd></div>
<div><dt>image</dt><dd>${isolation === null ? 'not recorded' : html`<code>${isolation.image}</code>`}</dd></div>
${hosts.map(
  ({ name, machine }) => html`<div><dt>host ${name}</dt><dd>${
    machine === null
      ? 'another machine; its processor was not recorded'
      : `${machine.cpu} · ${counted(machine.cores, 'core')} · ${count(machine.memoryMb)} MiB · ${machine.kernel}`
  }</dd></div>
`,
)}<div><dt>versions</dt><dd>Crucible ${crucible}, Node ${node}</dd></div>
</dl>`;
}

/** Returns the requests by route; stages that asked the same route stand together. */
function spendTable(spends: readonly RouteSpend[]): Html {
  if (spends.length === 0) return html`<p>No model was asked; nothing was spent.</p>`;
  const routes = new Map<string, RouteSpend>();
  for (const spend of spends) {
    const sum = routes.get(spend.route);
    routes.set(spend.route, sum === undefined ? spend : added(sum, spend));
  }
  const rows = [...routes.values()];
  return html`<div class="scroll"><table>
<thead><tr><th>route</th><th>requests</th><th>failed</th><th>ambiguous</th><th>tokens in</th><th>tokens out</th><th>cost</th></tr></thead>
<tbody>
${rows.map(
  (
    row,
  ) => html`<tr><td><code>${shortened(row.route, 120)}</code></td><td>${count(row.requests)}</td><td>${count(row.failed)}</td><td>${count(row.ambiguous)}</td><td>${tokensOf(row, row.inputTokens)}</td><td>${tokensOf(row, row.outputTokens)}</td><td>${costOf(row)}</td></tr>
`,
)}</tbody>
</table></div>
${rows.some((row) => row.ambiguous > 0) ? html`<p class="quiet">Ambiguous: the request was begun and its end never seen, so it may have been paid for.</p>` : null}`;
}

const added = (a: RouteSpend, b: RouteSpend): RouteSpend => ({
  route: a.route,
  requests: a.requests + b.requests,
  failed: a.failed + b.failed,
  ambiguous: a.ambiguous + b.ambiguous,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  tokensUnknown: a.tokensUnknown + b.tokensUnknown,
  costUnknown: a.costUnknown + b.costUnknown,
  microUsd: a.microUsd + b.microUsd,
});

const tokensOf = ({ requests, tokensUnknown }: RouteSpend, tokens: number): string => {
  if (tokensUnknown === 0) return count(tokens);
  return tokensUnknown === requests ? 'unknown' : `${count(tokens)} + ${tokensUnknown} unknown`;
};

const costOf = ({ requests, costUnknown, microUsd }: RouteSpend): string => {
  if (costUnknown === 0) return dollars(microUsd);
  return costUnknown === requests ? 'unknown' : `${dollars(microUsd)} + ${costUnknown} unknown`;
};

function logList(job: JobFacts): Html {
  const lines = jobsBelow(job)
    .flatMap((each) =>
      each.log.map(({ at, text }) => ({ at, text: each === job ? text : `${each.name}: ${text}` })),
    )
    .sort((a, b) => a.at - b.at);
  const half = mostLines / 2;
  const shown = lines.length <= mostLines ? lines : [...lines.slice(0, half), ...lines.slice(-half)];
  const left = lines.length - shown.length;
  return html`<details class="source"><summary>the log: ${counted(lines.length, 'line')}</summary><div class="inside">
${left === 0 ? null : html`<p class="quiet">${counted(left, 'line')} in the middle left out.</p>`}<ol class="log">
${shown.map(
  ({
    at,
    text,
  }) => html`<li><time datetime="${new Date(at).toISOString()}">${duration(at - job.startedAt)}</time> <span>${excerpt(text, 2_000)}</span></li>
`,
)}</ol></div></details>`;
}
