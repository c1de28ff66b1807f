import { randomUUID } from 'node:crypto';
import { createResults } from '../../activities/results.ts';
import { refusedChoice } from '../../domain/choosing.ts';
import { rowOf } from '../../domain/journal.ts';
import { isPart, partWords } from '../../domain/kinds/kinds.ts';
import { Message } from '../../domain/message.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { lastLooks, productTrial } from '../../domain/trial.ts';
import { type KeptJob, readJob } from '../../record/kept-job.ts';
import { findJob } from '../follow/find-job.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { clean, sayOf, UserMistake } from '../terminal.ts';
import { tell } from './tell.ts';

type Choice = Extract<Message, { kind: 'choose' }>;

/**
 * `crucible choose JOB c-3|best`: has a job give the program of that candidate, or of its best again. Throws `UserMistake`, and changes
 * nothing, where there is no such candidate or it is not right.
 */
export async function chooseIn(
  { config, context, signal }: Session,
  job: string,
  text: string,
): Promise<void> {
  const { store, json, out } = context;
  const message = choiceOf(text);
  const kept = await readJob(store, await findJob(store, job));
  const { record } = kept;
  refuse(kept, message);
  const told = { id: randomUUID(), message, at: Date.now() };
  // A job that was taken up again meanwhile is told as one that runs.
  if (
    record.status === 'running' ||
    !(await createResults({ store }).takeChoice(record, told, message.candidate))
  )
    await withServer(config, { store, say: sayOf(context), signal }, (client) =>
      tell(client, record.id, message),
    );
  out(json ? JSON.stringify({ jobId: record.id, accepted: message }) : doneText(kept, message));
}

function choiceOf(text: string): Choice {
  const read = Message.safeParse({ kind: 'choose', candidate: text === 'best' ? null : text });
  if (read.data?.kind === 'choose') return read.data;
  throw new UserMistake(`${clean(text)}: expected a candidate, as in c-3, or best`);
}

function refuse({ record, job, stages, trials }: KeptJob, { candidate }: Choice): void {
  const { id } = record;
  if (record.role === 'verification')
    throw new UserMistake(`${id} is a verification: choose in its job, ${record.parent}`);
  if (!isPart(job)) {
    const names = stages.map((stage) => stage.record.id).join(', ') || partWords(job);
    throw new UserMistake(`${id} has no candidates of its own: choose in ${names}`);
  }
  if (record.status !== 'running' && record.result === null)
    throw new UserMistake(`${id} is ${record.status} and has no result to change`);
  const objective = objectiveOf(job);
  const rows = lastLooks(trials).map((trial) => rowOf(trial, objective));
  const why = candidate === null ? null : refusedChoice(candidate, rows, objective);
  if (why !== null) throw new UserMistake(`${id}: ${why}. All: crucible show ${id}`);
}

/** What comes of a choice, in one line. */
function doneText({ record, job, trials }: KeptJob, { candidate }: Choice): string {
  const { id } = record;
  if (candidate === null) return `${id} gives its best again`;
  const stands = productTrial(trials, objectiveOf(job), candidate)?.candidate.id === candidate;
  if (!stands)
    return `${id} gives ${candidate} as soon as it holds a second time; until then its best counts. Try it: crucible verify ${id} ${candidate}`;
  if (record.status === 'running') return `${id} gives ${candidate} when it ends, in place of its best`;
  const used = record.role === 'stage' ? '; what later stages made of it before stays as it is' : '';
  return `${id} gives ${candidate} in place of its best${used}. Take it out: crucible export ${id}`;
}
