import { stringify } from 'yaml';
import type { KeptRequest } from '../../activities/ask/ask.ts';
import { dollars } from '../../domain/money.ts';
import { jobOfStep, placeOfKey, stepOfKey } from '../../domain/step.ts';
import type { KeptJob } from '../../record/kept-job.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
import {
  type CommandContext,
  clean,
  durationText,
  oneLine,
  paint,
  timeText,
  UserMistake,
} from '../terminal.ts';

/** A request to a model with what was sent and what came, where a reply did. */
type ShownRequest = CallRecord & { kept: KeptRequest | null };

/**
 * Every request to a model for candidate `id`, in the order they were sent: prompt and reply as they went. The candidate may
 * have come to nothing. Throws `UserMistake` where no model was asked for it, or in several stages.
 */
export async function showPrompts(context: CommandContext, kept: KeptJob, id: string): Promise<void> {
  const { blobs } = context.store;
  const asked = [kept, ...kept.stages].map(({ record, calls }) => ({ id: record.id, calls }));
  const owners = asked.filter(({ id: job, calls }) => calls.some(isFor(job, id)));
  const [only, ...others] = owners;
  if (only === undefined) {
    const there = asked.flatMap(({ calls }) => calls.map(({ key }) => stepOfKey(key).candidate));
    throw new UserMistake(
      `${kept.record.id}: no model was asked for ${clean(id)}; models were asked for: ${[...new Set(there)].filter((each) => each !== null).join(', ') || 'none yet'}`,
    );
  }
  if (others.length > 0)
    throw new UserMistake(
      `${clean(id)} is in several stages; name one: ${owners.map(({ id: job }) => `crucible show ${job} ${clean(id)} --prompt`).join(' or ')}`,
    );
  const requests: ShownRequest[] = [];
  for (const call of only.calls.filter(isFor(only.id, id)))
    requests.push({
      ...call,
      // What `ask` wrote, and nobody else writes.
      kept: call.reply === null ? null : (JSON.parse(await blobs.text(call.reply)) as KeptRequest),
    });
  if (context.json) return context.out(JSON.stringify({ job: only.id, candidate: id, requests }));
  for (const [index, request] of requests.entries()) {
    if (index > 0) context.out('');
    showRequest(context, request);
  }
}

/** Tells the requests that were made for candidate `id`. */
export const isFor =
  (job: string, id: string) =>
  ({ key }: CallRecord): boolean =>
    jobOfStep(key) === job && stepOfKey(key).candidate === id;

function showRequest(context: CommandContext, { kept, ...call }: ShownRequest): void {
  const { out } = context;
  const step = placeOfKey(call.key)?.step ?? call.key;
  const again = call.request === 1 ? '' : `, request ${call.request}`;
  out(paint(context, 'bold', `── ${step}${again}: ${call.route}`));
  if (call.prompt !== null) out(oneLine(call.prompt));
  out(endText(call));
  if (call.problem !== null) out(clean(call.problem));
  if (kept === null) {
    out(paint(context, 'dim', 'No reply came, so the prompt was not kept.'));
    return;
  }
  const part = (name: string, text: string): void => {
    out('');
    out(paint(context, 'cyan', name));
    for (const line of clean(text).trimEnd().split('\n')) out(line);
  };
  const { request, reply } = kept;
  part('system', request.system);
  for (const { role, text } of request.messages) part(role, role === 'assistant' ? readable(text) : text);
  part('reply', readable(reply.text));
}

/** How a request ended, and what it took: status, tokens, cost, time. */
export function endText(call: CallRecord): string {
  const { status, error, usage, microUsd, cached, startedAt, doneAt, firstTokenMs } = call;
  const count = (tokens: number): string => tokens.toLocaleString('en');
  const ended = cached ? 'from the cache' : error === null ? status : `${status} (${oneLine(error)})`;
  const tokens =
    usage === null
      ? 'tokens unknown'
      : `${count(usage.input)} tokens in (${count(usage.cached)} cached), ${count(usage.output)} out (${count(usage.reasoning)} for reasoning)`;
  const cost = cached ? 'paid before' : microUsd === null ? 'cost unknown' : dollars(microUsd);
  const first = firstTokenMs === null ? '' : ` (first text after ${durationText(firstTokenMs)})`;
  const took = doneAt === null ? '' : `, ${durationText(doneAt - startedAt)}${first}`;
  return `${ended}, ${tokens}, ${cost}${took}, ${timeText(startedAt)}`;
}

/** A reply in JSON as YAML, in which programs stand line by line; any other text as it is. */
function readable(text: string): string {
  try {
    return stringify(JSON.parse(text), { lineWidth: 0, blockQuote: 'literal' });
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
