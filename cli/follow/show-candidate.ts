import type { Candidate } from '../../domain/candidate.schema.ts';
import { diagnosisLines } from '../../domain/diagnosis.ts';
import { type Objective, objectiveOf } from '../../domain/objective.ts';
import type { Interval } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import { askedText, bestFound, callOf, intervalText, metricText, remarksOn } from '../../domain/trial.ts';
import { type KeptJob, timesOf } from '../../record/kept-job.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readProgram } from '../../store/documents.ts';
import type { TrialRecord } from '../../store/ledger/trials.ts';
import {
  type CommandContext,
  clean,
  durationText,
  msText,
  oneLine,
  paint,
  percentText,
  UserMistake,
  wrap,
} from '../terminal.ts';
import { diffOf, showDiff } from './diff-text.ts';
import { endText, isFor } from './show-prompts.ts';

/** The programs that a candidate and the baseline are. */
interface KeptCandidate {
  program: Program;
  baseline: Program | null;
}

/**
 * All of one candidate, or with options the diff against the baseline, its sources, or what it wrote. Throws `UserMistake` where the
 * job, or exactly one of its stages, has no finished trial of `id`.
 */
export async function showCandidate(
  context: CommandContext,
  kept: KeptJob,
  id: string,
  options: { diff: boolean; program: boolean; log: boolean },
): Promise<void> {
  const { blobs } = context.store;
  const { owner, candidate, recorded } = candidateIn(kept, id);
  const trials = recorded.map(({ trial }) => trial);
  const baseline = owner.trials.find(({ candidate }) => candidate.id === 'c-0');
  const found: KeptCandidate = {
    program: await readProgram(blobs, candidate.program),
    baseline: baseline === undefined ? null : await readProgram(blobs, baseline.candidate.program),
  };
  const parts = {
    ...(options.diff
      ? {
          diff:
            (await diffOf(blobs, found.baseline, found.program)) ??
            'The program is the same as the baseline.',
        }
      : {}),
    ...(options.program ? { program: await sourcesOf(blobs, found.program) } : {}),
    ...(options.log ? { log: await logsOf(blobs, trials) } : {}),
  };
  if (context.json) {
    const requests = owner.calls.filter(isFor(owner.record.id, id));
    return context.out(JSON.stringify({ job: owner.record.id, candidate, trials, requests, ...parts }));
  }
  if (parts.diff === undefined && parts.program === undefined && parts.log === undefined)
    return describeCandidate(context, owner, candidate, recorded);
  if (parts.diff !== undefined) showDiff(context, parts.diff);
  for (const [path, text] of Object.entries({ ...parts.program, ...parts.log })) {
    context.out(paint(context, 'bold', `── ${oneLine(path)}`));
    for (const line of clean(text).trimEnd().split('\n')) context.out(line);
  }
}

/** The trials of a candidate, in the job itself or in the one stage that has it. Throws `UserMistake` where there is no such one. */
export function candidateIn(
  kept: KeptJob,
  id: string,
): { owner: KeptJob; candidate: Candidate; recorded: TrialRecord[] } {
  const all = [kept, ...kept.stages];
  const owners = all.flatMap((owner) => {
    const recorded = owner.recorded.filter(({ trial }) => trial.candidate.id === id);
    const [first] = recorded;
    return first === undefined ? [] : [{ owner, candidate: first.trial.candidate, recorded }];
  });
  const [only, ...others] = owners;
  if (only === undefined) {
    const there = [...new Set(all.flatMap(({ trials }) => trials.map(({ candidate }) => candidate.id)))];
    throw new UserMistake(
      `${kept.record.id}: there is no finished trial of ${clean(id)}; there are: ${there.join(', ') || 'none yet'}`,
    );
  }
  if (others.length > 0)
    throw new UserMistake(
      `${clean(id)} is in several stages; name one: ${owners.map(({ owner }) => `crucible show ${owner.record.id} ${clean(id)}`).join(' or ')}`,
    );
  return only;
}

function describeCandidate(
  context: CommandContext,
  owner: KeptJob,
  candidate: Candidate,
  recorded: readonly TrialRecord[],
): void {
  const { out, columns } = context;
  const { record } = owner;
  const objective = objectiveOf(owner.job);
  const isBest = bestFound(owner.trials, objective)?.candidate === candidate.id;
  out(
    `${paint(context, 'bold', `${candidate.id} ${oneLine(candidate.title)}`)}${isBest ? paint(context, 'green', '  best') : ''}${owner.chosen?.candidate === candidate.id ? paint(context, 'green', '  chosen') : ''}`,
  );
  const field = (name: string, text: string): void => {
    const [first = '', ...rest] = wrap(clean(text), Math.max(30, columns - 14));
    out(`${paint(context, 'dim', name.padEnd(12))}  ${first}`);
    for (const line of rest) out(`${' '.repeat(14)}${line}`);
  };
  const parents = candidate.parents.length === 0 ? '' : ` of ${candidate.parents.join(', ')}`;
  field('made by', `${candidate.operator}${parents}`);
  field('note', candidate.note);
  const calls = owner.calls.filter(isFor(record.id, candidate.id));
  for (const call of calls) field('model', `${call.route}: ${endText(call)}`);
  field('written', candidate.program);
  for (const each of recorded) {
    out('');
    out(paint(context, 'bold', each.trial.purpose));
    describeTrial({ ...each.trial, timings: timesOf(owner, each) }, objective, field);
  }
  const command = `crucible show ${record.id} ${candidate.id}`;
  out('');
  out(`${command} --diff | --program | --log${calls.length === 0 ? '' : ' | --prompt'}`);
}

function describeTrial(
  trial: Trial,
  objective: Objective,
  field: (name: string, text: string) => void,
): void {
  const { outcome, measurement, timings, seeds, artifacts } = trial;
  const metric = outcome.kind === 'scored' ? ` ${metricText(outcome.metric, objective)}` : '';
  const against = trial.purpose === 'baseline' && objective.kind === 'ratio';
  field('outcome', `${outcome.kind}${against ? '' : metric}`);
  if (outcome.kind === 'scored' && outcome.scores !== undefined)
    field('runs', outcome.scores.map((score) => Number(score.toPrecision(6))).join(', '));
  if ('reason' in outcome) {
    field('reason', outcome.reason);
    const [what = '', , ...rest] = outcome.diagnosis === undefined ? [] : diagnosisLines(outcome.diagnosis);
    if (what !== '') field('diagnosis', [what, ...rest].join('\n'));
  }
  if (measurement !== null) describeMeasurement(measurement, callOf(trial), field);
  const took = Object.entries(timings).map(([step, ms]) => `${step} ${durationText(ms)}`);
  if (took.length > 0) field('took', took.join(', '));
  if (seeds.length > 0) field('seeds', seeds.join(', '));
  for (const [name, artifact] of Object.entries(artifacts))
    if (artifact !== trial.candidate.program) field(name === 'program' ? 'built' : oneLine(name), artifact);
}

function describeMeasurement(
  measurement: Measurement,
  call: 'call' | 'run',
  field: (name: string, text: string) => void,
): void {
  const { baselineMs, candidateMs, speedup, noiseFloor, pairs, askingMs, host, runs = [] } = measurement;
  const ms = ({ value, low, high }: Interval): string => `${msText(value)} [${msText(low)}, ${msText(high)}]`;
  field('baseline', `${ms(baselineMs)} a ${call}`);
  field('candidate', `${ms(candidateMs)} a ${call}`);
  field('speed-up', `${intervalText(speedup)} from ${pairs} pairs: the middle of their ratios`);
  if (runs.length > 0) field('measured', `${runs.length} times: ${runs.map(intervalText).join(', ')}`);
  if (askingMs.value > 0) field('asking', `${ms(askingMs)}, ${askedText(measurement)}`);
  field('host', `${host}, noise ±${percentText(noiseFloor)}`);
  for (const remark of remarksOn(measurement)) field('note', remark);
}

const isText = (bytes: Buffer): boolean => !bytes.subarray(0, 8_000).includes(0);

/** Every text file by path; of others the size. */
async function sourcesOf(blobs: BlobStore, { files }: Program): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [path, artifact] of Object.entries(files)) {
    const bytes = await blobs.get(artifact);
    texts[path] = isText(bytes)
      ? bytes.toString('utf8')
      : `${bytes.length.toLocaleString('en')} bytes, not text`;
  }
  return texts;
}

/** What the build, the program and the grader wrote, by trial. */
async function logsOf(blobs: BlobStore, trials: readonly Trial[]): Promise<Record<string, string>> {
  const logs: Record<string, string> = {};
  for (const { purpose, artifacts } of trials)
    for (const name of ['build log', 'stdout', 'stderr']) {
      const artifact = artifacts[name];
      const text = artifact === undefined ? '' : await blobs.text(artifact);
      if (text !== '') logs[`${purpose}: ${name}`] = text;
    }
  return Object.keys(logs).length === 0 ? { log: 'It wrote nothing.' } : logs;
}
