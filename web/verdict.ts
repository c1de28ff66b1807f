import { chosenText } from '../domain/choosing.ts';
import type { BestFound } from '../domain/job-input.schema.ts';
import type { Standing } from '../domain/leaderboard.ts';
import type { Objective } from '../domain/objective.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { metricText, remarksOn, scoreText, times } from '../domain/trial.ts';
import { shortened } from './excerpt.ts';
import {
  givenBy,
  isMeasured,
  type JobFacts,
  type LearntFacts,
  lastTry,
  metricOf,
  type PictureFacts,
  standingOf,
  type TryFacts,
} from './facts.ts';
import { counted, duration, figure, moment, range, rangeOf } from './figures.ts';
import { type Html, html } from './html.ts';
import { picture } from './pictures.ts';

/** What came out of a job: a word or number to set large, and a sentence. */
export interface JobVerdict {
  large: string;
  /** Beside the large one, smaller: the interval. */
  beside: string | null;
  sentence: string;
}

/** Returns the verdict on a job in one sentence; only what was verified is called faster. */
export function verdictOf(job: JobFacts): JobVerdict {
  const given = givenBy(job);
  if (job.learnt !== null && job.status === 'finished') return learntVerdict(job, job.learnt);
  const found = given?.metric == null ? null : givenVerdict(job, given, given.metric);
  const why = shortened(job.summary ?? '', 400);
  switch (job.status) {
    case 'failed':
      return {
        large: 'Failed',
        beside: null,
        sentence: [why, found?.sentence].filter(Boolean).join(' Before that: '),
      };
    case 'cancelled':
      return found === null
        ? { large: 'Cancelled', beside: null, sentence: 'The job was cancelled before it found anything.' }
        : { ...found, sentence: `${found.sentence} The job was cancelled after that.` };
    case 'running':
      return found === null
        ? { large: 'Running', beside: null, sentence: 'The job is not done, and has found nothing so far.' }
        : { ...found, sentence: `${found.sentence} The job is not done.` };
    case 'finished':
      if (found !== null) return found;
      return nothingFound(job.objective, why);
  }
}

/** Returns the verdict on what was learnt from a table: the score of rows that nothing in the search saw. */
function learntVerdict({ objective }: JobFacts, { judged, blend }: LearntFacts): JobVerdict {
  const metric = objective.kind === 'score' ? objective.metric : 'score';
  const members = blend.members.length;
  const what = judged.learnt
    ? `Guessing ${judged.naive.what} scores ${figure(judged.naive.score)}.`
    : `Nothing was learnt that is surely better than guessing ${judged.naive.what}, which scores ${figure(judged.naive.score)}.`;
  return {
    large: figure(judged.score),
    beside: `${metric} on ${judged.rows.toLocaleString('en')} rows that nothing in the search saw${
      judged.interval === null ? '' : `; with 95 % confidence ${judged.interval.map(figure).join(' to ')}`
    }`,
    sentence: `${members === 1 ? 'One model predicts' : `A blend of ${members} models predicts`}. ${what}`,
  };
}

/** Returns the verdict where nothing was measured to be better. */
function nothingFound({ kind }: Objective, why: string): JobVerdict {
  switch (kind) {
    case 'passes':
      return { large: 'Done', beside: null, sentence: why };
    case 'ratio':
      return {
        large: 'Not faster',
        beside: null,
        sentence: `No candidate was right and surely faster than the program as it is. ${why}`.trim(),
      };
    case 'score':
      return { large: 'No score', beside: null, sentence: `No candidate could be scored. ${why}`.trim() };
  }
}

function givenVerdict(job: JobFacts, { candidate, title }: BestFound, metric: Interval): JobVerdict {
  const stage = job.stages.find(isMeasured);
  const { objective } = stage?.job ?? job;
  if (objective.kind === 'score') return scoreVerdict(stage?.job ?? job, objective, metric);
  const held = tryOfGiven(stage?.job ?? job);
  // Only functions have inputs that are made anew; scripts run on those of the job.
  const [run, anew] =
    held === null || held.seeds.length > 0 ? ['call', 'on new secret inputs'] : ['run', 'in new sandboxes'];
  const took =
    held?.measurement == null
      ? ''
      : ` A ${run} takes ${duration(held.measurement.candidateMs.value)} instead of ${duration(held.measurement.baselineMs.value)}.`;
  const remarks =
    held?.measurement == null
      ? ''
      : remarksOn(held.measurement)
          .map((each) => ` ${each.charAt(0).toUpperCase()}${each.slice(1)}.`)
          .join('');
  const where = stage === undefined ? '' : ` in the stage ${stage.name}`;
  const choice =
    job.chosen === null
      ? ''
      : ` ${shortened(chosenText(job.chosen, job.best, (stage?.job ?? job).objective), 300)}.`;
  return {
    large: times(metric.value),
    beside: `faster; with 95 % confidence ${range(metric)}`,
    sentence: `${shortened(title, 100)} (${candidate})${where} gives the same answers as the program it was made from.${took}${remarks} Verified again ${anew}.${choice}`,
  };
}

/** Returns the verdict on a best score: what it is, beside that of the program as it was. */
function scoreVerdict(
  job: JobFacts,
  objective: Extract<Objective, { kind: 'score' }>,
  metric: Interval,
): JobVerdict {
  const begun = job.baseline === null ? null : metricOf(job.baseline);
  const { candidate, title } = givenBy(job) ?? { candidate: '', title: '' };
  const isOwn = candidate === job.baseline?.id;
  const better = objective.direction === 'maximize' ? 'more is better' : 'less is better';
  const was = begun === null ? '' : ` The program as it was has ${metricText(begun, objective)}.`;
  return {
    large: scoreText(metric),
    beside: `${objective.metric}; ${better}; with 95 % confidence ${rangeOf(metric, objective)}`,
    sentence: isOwn
      ? 'No candidate was surely better than the program as it is.'
      : `${shortened(title, 100)} (${candidate}).${was} Scored by ${job.check ?? 'the evaluator'}, and again with new seeds.`,
  };
}

/** Returns the verification that what the job gives stands by. */
function tryOfGiven(job: JobFacts): TryFacts | null {
  const candidate = job.candidates.find((each) => each.id === givenBy(job)?.candidate);
  return candidate === undefined ? null : lastTry(candidate);
}

/** Returns the first screen: what was asked, the verdict and the picture. */
export function verdictSection(job: JobFacts, shown: PictureFacts | null): Html {
  const { large, beside, sentence } = verdictOf(job);
  const stage = job.stages.find(isMeasured);
  return html`<header class="top">
<p class="kind">Crucible · ${job.kind} · ${job.status}${job.forked === null ? '' : ` · ${job.forked}`}</p>
<h1>${shortened(job.name, 100)}</h1>
<p class="task">${shortened(job.task, 600)}</p>
</header>
<section class="hero${shown === null ? '' : ' pictured'}">
<div>
<p class="large"><strong>${large}</strong>${beside === null ? null : html` <span>${beside}</span>`}</p>
<p class="sentence">${sentence}</p>
${givenBy(job)?.metric == null ? null : beforeAndAfter(stage?.job ?? job)}
${tally(job)}
</div>
${shown === null ? null : picture(shown)}
</section>`;
}

/** Two bars to scale: what it took before, what it takes now. */
function beforeAndAfter(job: JobFacts): Html | null {
  const measurement = tryOfGiven(job)?.measurement ?? null;
  if (measurement === null) return null;
  const { baselineMs, candidateMs } = measurement;
  const longest = Math.max(baselineMs.value, candidateMs.value, Number.MIN_VALUE);
  const bar = (name: string, ms: number, className: string): Html => html`<div class="${className}">
<span>${name}</span><svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect width="${Math.max(2, Math.round((ms / longest) * 1000))}" height="10" /></svg><span class="number">${duration(ms)}</span></div>
`;
  return html`<div class="before-after">
${bar('before', baselineMs.value, 'before')}${bar('now', candidateMs.value, 'now')}</div>`;
}

/** Returns the job in numbers. */
function tally(job: JobFacts): Html {
  const searches = [job, ...job.stages.flatMap((stage) => stage.job ?? [])].filter(
    (each) => each.objective.kind !== 'passes',
  );
  const standings = searches.flatMap(({ candidates, objective }) =>
    candidates.map((each) => standingOf(each, objective)),
  );
  const of = (...counted: Standing[]): number => standings.filter((each) => counted.includes(each)).length;
  const parts = [
    job.stages.length > 0 ? counted(job.stages.length, 'stage') : null,
    searches.length === 0 ? null : `${counted(standings.length, 'candidate')} tried`,
    of('verified', 'better', 'worse') > 0 ? `${of('verified', 'better', 'worse')} right` : null,
    of('refused') > 0 ? `${of('refused')} refused` : null,
    of('failed') > 0 ? `${of('failed')} did not build or finish` : null,
    job.endedAt === null ? null : `took ${duration(job.endedAt - job.startedAt)}`,
    `begun ${moment(job.startedAt)}`,
  ];
  return html`<ul class="tally">${parts.filter((part) => part !== null).map((part) => html`<li>${part}</li>`)}</ul>`;
}
