import { createHash } from 'node:crypto';
import type { Artifact, Tree } from '../domain/artifact.schema.ts';
import { choiceText, chosenIn, chosenText } from '../domain/choosing.ts';
import type { Job, StageJob } from '../domain/job.schema.ts';
import { filesNamedBy } from '../domain/job.ts';
import type { JobResult } from '../domain/job-input.schema.ts';
import { rowOf } from '../domain/journal.ts';
import { isPart, kindOf, stagesOf } from '../domain/kinds/kinds.ts';
import type { Told } from '../domain/message.schema.ts';
import { objectiveOf } from '../domain/objective.ts';
import { pick, placeBelow } from '../domain/tree.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { bestFound, chosenFound, lastLooks, productTrial } from '../domain/trial.ts';
import { readInput, readProgram, readTree, writeJson } from '../store/documents.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { trialsOf } from '../store/trials-of.ts';
import { rewriteReports } from './report.ts';

/** What became known of a job since it ended, or as it ends. */
interface Since {
  /** What a verification found; unset: as it is on record. */
  finding?: string | undefined;
  /** The candidate that a person chose, null for the best; unset: as it is on record. */
  chosen?: string | null;
  /** The stage of which it became known. */
  stage?: string | null;
}

/** What jobs come to: by their trials, by what people chose, and by what was found later. */
export const createResults = ({ store }: { store: Store }) => {
  const { blobs, ledger } = store;

  /**
   * What the next stage, or the user, works with. It is the files that a trial gave, where those are what is
   * asked for. Else it is its built program with a note of how it is entered. Null where no trial stands.
   */
  async function productOf(
    trials: readonly Trial[],
    job: Job,
    chosen: string | null,
  ): Promise<Artifact | null> {
    const given = productTrial(trials, objectiveOf(job), chosen);
    if (given === null) return null;
    // What predicts is put together of what was fitted, when the search is over.
    if (kindOf(job).product === 'model')
      return trials.findLast((each) => each.artifacts.outputs !== undefined)?.artifacts.outputs ?? null;
    const { candidate, artifacts } = given;
    if (kindOf(job).product !== 'program') return artifacts.outputs ?? null;
    const program = await readProgram(blobs, artifacts.program ?? candidate.program);
    const entry = await blobs.put(
      `${JSON.stringify({ ...program.entry, title: candidate.title }, null, 2)}\n`,
    );
    return writeJson(blobs, { ...program.files, 'entry.json': entry });
  }

  /** Returns what a job came to, `base`, with what is known of it now. */
  async function resultNow(record: JobRecord, base: JobResult, since: Since = {}): Promise<JobResult> {
    const { job } = await readInput(blobs, record);
    const finding = since.finding ?? base.finding;
    if (!isPart(job)) return wholeNow(record, base, { ...since, finding });
    const objective = objectiveOf(job);
    const trials = (await trialsOf(ledger, record.id)).map(({ trial }) => trial);
    const asked = since.chosen === undefined ? chosenIn(await ledger.messages(record.id)) : since.chosen;
    const best = bestFound(trials, objective);
    const chosen = chosenFound(trials, objective, asked);
    const rows = lastLooks(trials).map((trial) => rowOf(trial, objective));
    const product = await productOf(trials, job, asked);
    const { chosen: _, ...rest } = base;
    return retold({ ...rest, best, product, ...(chosen === null ? {} : { chosen }) }, finding, [
      choiceText(asked, rows, best, objective),
    ]);
  }

  /** The same for a pipeline: what was chosen in its stages is in its product. */
  async function wholeNow(
    record: JobRecord,
    base: JobResult,
    { finding, stage: changed }: Since,
  ): Promise<JobResult> {
    const { job } = await readInput(blobs, record);
    const results = new Map(
      (await ledger.children(record.id, { role: 'stage' })).map(({ stage, result }) => [stage, result]),
    );
    const choices: string[] = [];
    let { product } = base;
    for (const stage of stagesOf(job)) {
      const result = results.get(stage.name) ?? null;
      if (result?.chosen !== undefined)
        choices.push(`${stage.name}: ${chosenText(result.chosen, result.best, objectiveOf(stage))}`);
      const isOther = result?.chosen !== undefined || stage.name === changed;
      if (isOther && product !== null && result?.product != null)
        product = await replacedBelow(product, stage.name, result.product);
    }
    return retold({ ...base, product }, finding, choices);
  }

  /** Returns a product of stages with what one of them gives now. */
  async function replacedBelow(product: Artifact, stage: string, given: Artifact): Promise<Artifact> {
    const before = Object.entries(await readTree(blobs, product));
    const now = placeBelow(stage, await readTree(blobs, given));
    return writeJson(blobs, {
      ...Object.fromEntries(before.filter(([path]) => !path.startsWith(`${stage}/`))),
      ...now,
    });
  }

  /** A finished stage or cell is found again by what it was asked and saw; a verification is nobody's stage. */
  async function rememberStage(result: JobResult): Promise<void> {
    const record = await ledger.job(result.jobId);
    if ((record?.role !== 'stage' && record?.role !== 'cell') || result.status !== 'finished') return;
    const { job, files } = await readInput(blobs, record);
    if (isPart(job)) await ledger.remember(stageContentKey(job, await readTree(blobs, files)), result);
  }

  /** Tells the pipeline that has a job as its stage, and has ended, what that came to now. It shows the best of its first stage that has one. */
  async function keepAbove(stage: JobRecord, before: JobResult, now: JobResult): Promise<void> {
    const above = stage.parent === null ? undefined : await ledger.job(stage.parent);
    const whole = above?.result ?? null;
    if (above === undefined || whole === null || above.status === 'running') return;
    const shown = whole.best?.title === before.best?.title;
    const base = { ...whole, best: shown ? now.best : whole.best };
    const result = await resultNow(above, base, {
      stage: stage.stage,
      ...(shown ? { finding: now.finding } : {}),
    });
    await ledger.keepResult(above.id, { result, best: metricOf(result) });
  }

  /** What a verification found of a job is what is known of it from then on, wherever it is shown. */
  async function keepFinding(verification: JobRecord, finding: string): Promise<void> {
    const found = (await ledger.trials(verification.id)).some(
      ({ trial }) => trial.purpose === 'verification',
    );
    const job = await ledger.job(verification.parent ?? '');
    if (!found || job === undefined || job.status === 'running' || job.result === null) return;
    const now = await resultNow(job, job.result, { finding });
    await ledger.keepResult(job.id, { result: now, best: metricOf(now) });
    await rememberStage(now);
    await keepAbove(job, job.result, now);
  }

  /**
   * Takes what was chosen of a job that has ended. Its product, and all that tells of it, is of that from then
   * on. Returns false, and changes nothing, where the job was taken up again meanwhile.
   */
  async function takeChoice(
    { id, status, result }: JobRecord,
    told: Told,
    candidate: string | null,
  ): Promise<boolean> {
    const record = await ledger.job(id);
    if (record === undefined || status === 'running' || result === null)
      throw new Error(`job ${id}: expected one that has ended, with a result`);
    const now = await resultNow(record, result, { chosen: candidate });
    if (!(await ledger.takeMessage(id, told, { result: now, best: metricOf(now) }))) return false;
    await rememberStage(now);
    await keepAbove(record, result, now);
    await rewriteReports(store, id);
    return true;
  }

  return { resultNow, rememberStage, keepFinding, takeChoice };
};

const metricOf = ({ best }: JobResult): number | null => best?.metric?.value ?? null;

/** Returns a result whose summary begins with what became known since. */
function retold(
  { finding: _, found, ...base }: JobResult,
  finding: string | undefined,
  choices: readonly (string | null)[],
): JobResult {
  const first = found ?? base.summary;
  const since = [...choices, finding ?? null].filter((each) => each !== null);
  const known = finding === undefined ? {} : { finding };
  if (since.length === 0) return { ...base, ...known, summary: first };
  return { ...base, ...known, found: first, summary: [...since, `As it was found: ${first}`].join('. ') };
}

/** A stage is done before where its job, without its budget, and all files it can see are the same. */
export function stageContentKey(job: StageJob, files: Tree): string {
  const { budget: _, ...asked } = job;
  const seen = Object.entries(pick(files, filesNamedBy(job))).sort(([a], [b]) => (a < b ? -1 : 1));
  return `stage ${createHash('sha256')
    .update(JSON.stringify([asked, seen]))
    .digest('hex')}`;
}
