import { Job, type StageJob } from '../../domain/job.schema.ts';
import { askingOf } from '../../domain/job.ts';
import { Budget, Models } from '../../domain/job-fields.schema.ts';
import { forkIdentity } from '../../domain/job-id.ts';
import type { JobInput, Origin } from '../../domain/job-input.schema.ts';
import { originOf } from '../../domain/job-input.ts';
import { isPart, partWords, stagesOf } from '../../domain/kinds/kinds.ts';
import type { Extension } from '../../domain/message.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { bestFound } from '../../domain/trial.ts';
import { explainNoRoute, type ModelConfig, routesFor } from '../../llm/catalogue/routes.ts';
import { type KeptJob, readJob } from '../../record/kept-job.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { triedBy } from '../../store/trials-of.ts';
import type { ExitStatus } from '../exit-status.ts';
import { findJob } from '../follow/find-job.ts';
import { nothingToTry } from '../nothing-left.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { followSubmitted, type StartOptions } from '../start/start-job.ts';
import { routesOf, type Submitted, startRun } from '../start/submit.ts';
import { clean, sayOf, UserMistake } from '../terminal.ts';
import { hintOf } from './hint.ts';
import { hasRoutes } from './resume.ts';

export interface ForkOptions {
  /** The candidate to go on from. */
  from: string;
  hint?: string;
  /** Asked in place of those that the job asked, in this order. */
  model?: string[];
  /** Of its own, beyond what is taken over. */
  trials?: number;
  minutes?: number;
  usd?: number;
  tokens?: number;
}

/**
 * Starts a job that goes on from a candidate of another, with all that was tried there. Unless `detached`, it
 * watches it.
 */
export async function forkJob(
  session: Session,
  text: string,
  options: ForkOptions & StartOptions,
): Promise<ExitStatus> {
  const { config, context, signal } = session;
  const { store } = context;
  const record = await findJob(store, text);
  const input = await forkOf(store, record, options, config.models);
  return withServer(config, { store, say: sayOf(context), signal }, async (client) =>
    followSubmitted(session, await startFork(store, client, input, options), options),
  );
}

/** What a fork is started with, but for its ID. */
type Forked = Omit<JobInput, 'jobId' | 'series' | 'run' | 'searchable'> & { origin: Origin };

/** Starts a fork; the same fork asked for again attaches to it, or shows it where it is finished. */
export const startFork = (
  store: Store,
  client: JobClient,
  input: Forked,
  { fresh = false }: StartOptions,
): Promise<Submitted> =>
  startRun(forkIdentity(input.job, input.files, input.origin), {
    ...{ store, client, fresh },
    input: { ...input, fresh, searchable: client.searchable },
  });

/** Returns what a fork of a job is started with. Throws `UserMistake`, with the reason, where there is nothing to fork or to gain. */
export async function forkOf(
  store: Store,
  record: JobRecord,
  options: ForkOptions,
  models: ModelConfig,
): Promise<Forked> {
  const at = Date.now();
  const kept = await readJob(store, record);
  const part = await searchOf(store, kept);
  await expectProgram(store, kept, options.from);
  const tried = triedBy(kept.recorded, at);
  const job = await withBudget(store, kept, withModels(part, options.model, models), { ...options, tried });
  const before = kept.input;
  const { routes } = options.model === undefined && hasRoutes(before) ? before : routesOf(job, models);
  const hint = options.hint === undefined ? null : hintText(options.hint);
  const asks = Object.values(routes).some((each) => each.length > 0);
  const asking = askingOf(job);
  if (!asks && hint !== null)
    throw new UserMistake(
      `${record.id} asks no model, so nobody would read a hint${asking === null ? '' : `: ${explainNoRoute(asking.models, models)}`}`,
    );
  if (!asks && asking !== null && asking.otherwise === null)
    throw new UserMistake(explainNoRoute(asking.models, models));
  const nothing = nothingToGain(kept) ?? nothingToTry(kept, { job, routes, moreMoney: true })?.reason ?? null;
  if (nothing !== null) throw new UserMistake(`a fork of ${record.id} would end where it begins: ${nothing}`);
  const { storeId, files, beside } = before;
  return {
    ...{ storeId, job, files, beside, routes, stageRoutes: {} },
    ...{ role: 'fork', parent: null, fresh: false, resumed: 0 },
    origin: { jobId: record.id, from: options.from, at, tried, hint },
  };
}

function hintText(text: string): string {
  const message = hintOf(text);
  return message.kind === 'hint' ? message.text : '';
}

/** Returns the job where it searches for a program. */
async function searchOf(store: Store, { record, job }: KeptJob): Promise<StageJob> {
  const { id, parent } = record;
  if (record.role === 'verification')
    throw new UserMistake(`${id} is a verification, which searches nothing: fork ${parent}`);
  if (!isPart(job))
    throw new UserMistake(
      `${id} has no candidates of its own: name ${
        stagesOf(job)
          .map(({ name }) => `${id}/${name}`)
          .join(' or ') || partWords(job)
      }`,
    );
  if (askingOf(job) === null && (await store.ledger.decisions(id)).length === 0)
    throw new UserMistake(`${id} runs one program and searches for no other, so there is nothing to fork`);
  return job;
}

const mostNamed = 8;

/** Throws `UserMistake` where the job has no program of `id` that was tried. */
async function expectProgram(store: Store, { record, trials, steps }: KeptJob, id: string): Promise<void> {
  const there = [...new Set(trials.map(({ candidate }) => candidate.id))];
  if (there.includes(id)) return;
  const decided = (await store.ledger.decisions(record.id)).find(({ number }) => `c-${number}` === id);
  if (decided !== undefined) {
    const underWay = record.status === 'running' && decided.inVainAt === null;
    throw new UserMistake(
      underWay
        ? `${id} of ${record.id} is being made or tried: fork from it once that has ended`
        : `${id} of ${record.id} has no program that was tried: ${
            decided.inVainAt === null ? 'its job ended before that' : 'what was decided led to none'
          }${there.length === 0 ? '' : `; there are: ${namedOf(there)}`}`,
    );
  }
  const near = nearestCandidate(id, there);
  throw new UserMistake(
    `--from: ${record.id} has no candidate ${clean(id)}${near === null ? (steps.length === 0 ? ', and none yet' : '; it has none yet') : `; did you mean ${near}? There are: ${namedOf(there)}`}`,
  );
}

const namedOf = (ids: readonly string[]): string =>
  ids.length <= mostNamed
    ? ids.join(', ')
    : `${ids.slice(-mostNamed).join(', ')}, and ${ids.length - mostNamed} before`;

/** Returns the candidate whose number is nearest to what was typed; the last where that has no number. */
function nearestCandidate(typed: string, ids: readonly string[]): string | null {
  const wanted = Number(/\d+/.exec(typed)?.[0] ?? Number.NaN);
  const away = (id: string): number => Math.abs(Number(id.slice(2)) - wanted);
  if (Number.isNaN(wanted)) return ids.at(-1) ?? null;
  return ids.toSorted((one, other) => away(one) - away(other))[0] ?? null;
}

/** Why nothing better could be found; null where something could. A goal is looked at by `nothingToTry`. */
function nothingToGain({ job, trials }: KeptJob): string | null {
  const objective = objectiveOf(job);
  if (objective.kind !== 'passes') return null;
  const top = bestFound(trials, objective);
  return top === null
    ? null
    : `${top.candidate} passes every check, and that is all it is after; ask for more in the job, and run that`;
}

/** The job with other models in place of its own. Throws `UserMistake` where one cannot be asked, or it asks none. */
function withModels(job: StageJob, names: string[] | undefined, config: ModelConfig): StageJob {
  if (names === undefined) return job;
  const asking = askingOf(job);
  if (asking === null)
    throw new UserMistake(`--model: a job of kind ${job.kind} asks no model, so none could take its place`);
  for (const name of names) {
    const read = Models.shape.improve.safeParse([name]);
    if (!read.success) throw new UserMistake(`--model ${clean(name)}: ${read.error.issues[0]?.message}`);
    const alone = { ...asking.models, improve: [name] };
    if (routesFor('improve', alone, config).length === 0)
      throw new UserMistake(`--model ${name}: ${explainNoRoute(alone, config)}`);
  }
  const models = { ...asking.models, draft: names, debug: names, improve: names };
  return partOf({ ...job, models });
}

/** The job with what the fork may use. What is not said is as much as its origin had; a stage has its pipeline's limit on money. */
async function withBudget(
  store: Store,
  { record, input }: KeptJob,
  job: StageJob,
  {
    tried,
    trials,
    minutes,
    usd,
    tokens,
  }: Pick<ForkOptions, 'trials' | 'minutes' | 'usd' | 'tokens'> & {
    tried: number;
  },
): Promise<StageJob> {
  const had: Extension = record.budget;
  const own = trials ?? (had.trials ?? job.budget.trials) - (originOf(input)?.tried ?? 0);
  const money = await moneyOf(store, record);
  const budget = Budget.safeParse({
    ...{ ...job.budget, ...had, ...money },
    trials: tried + own,
    ...(minutes === undefined ? {} : { wallMs: minutes * 60_000 }),
    ...(usd === undefined ? {} : { usd }),
    ...(tokens === undefined ? {} : { tokens }),
  });
  if (!budget.success)
    throw new UserMistake(
      `a fork may try ${Budget.shape.trials.unwrap().maxValue} candidates at most, with the ${tried} that were tried before; got ${tried} + ${own}`,
    );
  return partOf({ ...job, budget: budget.data });
}

/** What a job may spend, by its own budget or by that of those above it. */
async function moneyOf(store: Store, record: JobRecord): Promise<Pick<Extension, 'usd' | 'tokens'>> {
  const above = record.parent === null ? undefined : await store.ledger.job(record.parent);
  const { usd, tokens } = { ...(above === undefined ? {} : await moneyOf(store, above)), ...record.budget };
  return { ...(usd === undefined ? {} : { usd }), ...(tokens === undefined ? {} : { tokens }) };
}

function partOf(job: object): StageJob {
  const read = Job.parse(job);
  if (!isPart(read)) throw new Error(`expected a job that is tried by itself, got a ${read.kind}`);
  return read;
}
