import { triesTwice } from '../domain/objective.ts';
import { busyText } from '../domain/trial.ts';
import { type JobFacts, lastTry } from './facts.ts';
import { plusMinus } from './figures.ts';
import { type Html, html } from './html.ts';

/** Returns how the verdicts came about, for who has to decide whether to believe them. */
export function judgedSection(job: JobFacts): Html {
  const jobs = [job, ...job.stages.flatMap((stage) => stage.job ?? [])];
  const searches = jobs.filter((each) => triesTwice(each.objective));
  const sentences = [
    'Every program ran in a sandbox without a network, without the rest of the machine and without any key; another sandbox, which held none of its code, judged the bytes it gave back, so what a program says of itself counts for nothing.',
    ...(searches.length === 0
      ? ['What was expected of its files was checked by validators, named in the job below.']
      : searchSentences(searches)),
  ];
  return html`<h2>How this was judged</h2>
<ol class="judged">${sentences.map(
    (sentence) => html`<li>${sentence}</li>
`,
  )}</ol>`;
}

/** By what answers were judged: by comparison, by checks of the user's, or by either in its job. */
function judgedHow(searches: readonly JobFacts[]): string {
  const checks = [...new Set(searches.flatMap(({ check }) => check ?? []))].join(', ');
  const compared = 'compared with those of the program as it was, within the tolerance of the job';
  if (checks === '') return compared;
  const checked = `judged by a check of the job's own, which no candidate saw: ${checks}`;
  return searches.every(({ check }) => check !== null) ? checked : `${compared}, or ${checked}`;
}

function searchSentences(searches: readonly JobFacts[]): string[] {
  const measured = searches.flatMap(({ baseline }) =>
    baseline === null ? [] : (lastTry(baseline).measurement ?? []),
  );
  const pairs = Math.max(0, ...measured.map((each) => each.pairs));
  const floors = measured.map((each) => plusMinus(each.noiseFloor)).join(' and ');
  const busy = searches.some((search) =>
    search.candidates.some(({ tries }) =>
      tries.some(({ measurement }) => measurement !== null && busyText(measurement) !== null),
    ),
  );
  const seeded = searches.some(({ baseline }) =>
    baseline === null ? false : lastTry(baseline).seeds.length > 0,
  );
  return [
    seeded
      ? `The inputs were made anew for every trial from a secret seed that no candidate and no model could know; each seed is told with its verdict, and the answers were ${judgedHow(searches)}.`
      : 'Scripts ran on the inputs of the job; the files and the output of each were compared with those of the program as it was, within the tolerance of the job.',
    `Program and candidate were timed in ${pairs > 0 ? `${pairs} ` : ''}interleaved pairs on the same inputs, by a clock in a third process that neither can touch, and ${seeded ? 'every timed answer' : 'what was timed'} was judged as well; the speed-up is the median over the pairs, its 95 % interval that of the sign test, widened by what pairs do not show: the cost of asking, waiting for a processor, places in memory.`,
    floors === ''
      ? 'The program measured against itself gives the noise floor of the machine; that was not reached here.'
      : `The program measured against itself gave the noise floor of the machine, ${floors}; a candidate counts as faster only where the whole interval is above 1×.`,
    `What would be best was verified again in new sandboxes${seeded ? ', a function with new secret inputs,' : ''} before it was called best; the interval shown covers both looks, or is that of a later verification.`,
    ...(busy
      ? [
          'The machine had other things to do while some of this was measured, as is said there: those figures are rough.',
        ]
      : []),
  ];
}
