import { busyText } from '../domain/trial.ts';
import { type JobFacts, lastTry } from './facts.ts';
import { plusMinus } from './figures.ts';
import { type Html, html } from './html.ts';

/** Returns how the verdicts came about, for who has to decide whether to believe them. */
export function judgedSection(job: JobFacts): Html {
  const jobs = [job, ...job.stages.flatMap((stage) => stage.job ?? [])];
  const learning = jobs.some(({ learnt }) => learnt !== null);
  const scored = jobs.filter(({ objective, learnt }) => objective.kind === 'score' && learnt === null);
  const measured = jobs.filter(({ objective }) => objective.kind === 'ratio');
  const sentences = [
    'Every program ran in a sandbox without a network, without the rest of the machine and without any key; another sandbox, which held none of its code, judged the bytes it gave back, so what a program says of itself counts for nothing.',
    ...(measured.length + scored.length === 0 && !learning
      ? ['What was expected of its files was checked by validators, named in the job below.']
      : []),
    ...(measured.length === 0 ? [] : searchSentences(measured)),
    ...(scored.length === 0 ? [] : scoreSentences(scored)),
    ...(learning ? learningSentences : []),
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

const scoreSentences = (scored: readonly JobFacts[]): string[] => [
  `How good a program is was said by ${[...new Set(scored.flatMap(({ check }) => check ?? []))].join(', ') || 'a function of the job'}, which ran with what the program wrote in a sandbox of its own and was seen by no candidate. Each program ran several times, every time with another seed; the interval says how far chance moves its score.`,
  'What would be best was run and scored again, with new seeds, before it was called best.',
];

/** What keeps a score honest that is learnt from a table. */
const learningSentences = [
  'The table was split before any program saw it. The rows that were kept apart for the end, and the labels of the rows that a program predicts, were in no sandbox that it ran in; their labels are with the grader alone.',
  'Which rows are predicted from which others is the same for every program, so their scores compare; a score out of fold is of rows that were not trained on.',
  'The test was scored once, after the search had ended: no choice was made by it.',
];

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
