import { type Artifact, Tree } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { candidateNumber } from '../domain/candidate.ts';
import type { NumberedDecision } from '../domain/decision.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import type { StageJob } from '../domain/job.schema.ts';
import { capOf } from '../domain/job.ts';
import { type JobInput, JobResult } from '../domain/job-input.schema.ts';
import { type JournalRow, journalOf } from '../domain/journal.ts';
import type { Original } from '../domain/judging.ts';
import type { Known } from '../domain/known.ts';
import type { Told } from '../domain/message.schema.ts';
import { type Objective, objectiveOf } from '../domain/objective.ts';
import type { Program } from '../domain/program.schema.ts';
import type { Spent } from '../domain/spent.ts';
import { extensible, restIn, type Standing, settledIn, waitingIn } from '../domain/steered.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { NotUsed } from '../domain/strategies.schema.ts';
import { notUsedIn, strategiesIn } from '../domain/strategies.ts';
import { pick, placeBelow, without } from '../domain/tree.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { headline, lineOf, refusedTrials } from '../domain/trial.ts';
import type { BlobStore } from '../store/blobs.ts';
import { readInput, readTree, writeJson } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { trialsOf } from '../store/trials-of.ts';
import { triesOf } from '../store/tries-of.ts';
import { takeStep } from './context.ts';
import { beginFork } from './fork.ts';
import { createResults, stageContentKey } from './results.ts';

/** Rows of at most 300 bytes that one answer of an activity holds. */
const journalPage = 150;

/** What a job is told when it is opened. */
export interface Opened {
  known: Known;
  steered: Standing;
}

export type JobActivities = ReturnType<typeof createJobActivities>;

/** Bookkeeping: what is asked, tried and found goes into the ledger. */
export const createJobActivities = ({ store }: { store: Store }) => {
  const { resultNow, rememberStage, keepFinding } = createResults({ store });

  const knownTrials = async (jobId: string): Promise<Trial[]> =>
    (await trialsOf(store.ledger, jobId)).map(({ trial }) => trial);

  /**
   * What the search of a job knows that is taken up again. A strategy that did not apply will not. What models
   * gave no program for before `since`, when the job was taken up, they are asked anew.
   */
  async function knownOf(jobId: string, objective: Objective, since: number): Promise<Known> {
    const journal = journalOf(await knownTrials(jobId), objective);
    const isLong = journal.length > journalPage;
    const tried = new Set(journal.map(candidateNumber));
    const decisions = await store.ledger.decisions(jobId);
    const left = decisions.filter(({ number }) => !tried.has(number));
    return {
      journal: isLong ? [] : journal,
      more: isLong ? await writeJson(store.blobs, journal) : null,
      open: left
        .filter(({ inVainAt }) => inVainAt === null)
        .map(({ number, decision }) => ({ number, decision })),
      inVain: left
        .filter(
          ({ inVainAt, decision }) =>
            inVainAt !== null &&
            (decision.kind === 'strategy' || decision.kind === 'fix' || inVainAt >= since),
        )
        .slice(-journalPage)
        .map(({ decision }) => decision),
      decided: decisions.at(-1)?.number ?? 0,
    };
  }

  async function objectiveIn(jobId: string): Promise<Objective> {
    const record = await store.ledger.job(jobId);
    if (record === undefined) throw new Error(`expected job ${jobId} in the ledger, found none`);
    return objectiveOf((await readInput(store.blobs, record)).job);
  }

  /** What a job and those below it have spent on models. */
  const spentBy = async (jobId: string): Promise<Spent> =>
    (await store.ledger.account(jobId))?.spent ?? { microUsd: 0, tokens: 0 };

  async function steeredOf(jobId: string): Promise<Standing> {
    const record = await store.ledger.job(jobId);
    if (record === undefined) throw new Error(`expected job ${jobId} in the ledger, found none`);
    const { budget, beganAt, pausedAt, pausedMs } = record;
    const told = await store.ledger.messages(jobId);
    return {
      ...{ budget, beganAt, pausedAt, pausedMs, tries: await triesOf(store.ledger, jobId) },
      rest: pausedAt === null ? null : restIn(told),
      ...{ waiting: waitingIn(told, record), settled: settledIn(told.filter(({ at }) => at >= beganAt)) },
    };
  }

  /** Strategies that a job, or the stages of a pipeline, made no use of; null where none were looked for. */
  async function notUsedBy(jobId: string, trials: readonly Trial[]): Promise<NotUsed[] | null> {
    const strategies = strategiesIn(await store.ledger.steps(jobId));
    if (strategies !== null)
      return notUsedIn(
        strategies,
        trials.map(({ candidate }) => candidate.title),
      );
    const stages = await store.ledger.children(jobId, { role: 'stage' });
    const ofStages = stages.flatMap(({ stage, result }) =>
      (result?.notUsed ?? []).map((each) => ({ ...each, stage: stage ?? '' })),
    );
    return ofStages.length === 0 ? null : ofStages;
  }

  return {
    /**
     * Opens the job and its account. One that is taken up again is opened again, and told what it had finished.
     */
    async openJob({ input }: Place & { input: JobInput }): Promise<Opened> {
      const { job, jobId, role, parent, resumed, spentMs = 0 } = input;
      const startedAt = Date.now();
      await store.ledger.openJob({
        id: jobId,
        series: input.series,
        run: input.run,
        name: job.name,
        kind: job.kind,
        role,
        input: await writeJson(store.blobs, input),
        parent: parent?.jobId ?? null,
        stage: parent?.stage ?? null,
        budget: extensible(job),
        ...{ startedAt, beganAt: startedAt - spentMs },
      });
      await beginFork(store, input);
      if (resumed > 0)
        await store.ledger.reopenJob(jobId, {
          ...{ input: await writeJson(store.blobs, input), budget: extensible(job), at: Date.now() },
        });
      // What it was extended by stands, also where its workflow goes on as new.
      const steered = await steeredOf(jobId);
      await store.ledger.openAccount({ id: jobId, parent: parent?.jobId ?? null, cap: capOf(steered) });
      return { known: await knownOf(jobId, objectiveOf(job), steered.beganAt), steered };
    },

    /** A page of a journal that is kept as an artifact, from its row `from` on. */
    async readJournal({ journal, from }: Place & { journal: Artifact; from: number }): Promise<JournalRow[]> {
      const rows: JournalRow[] = JSON.parse(await store.blobs.text(journal));
      return rows.slice(from, from + journalPage);
    },

    /** Takes what the job was told into the ledger, and returns how it stands then. */
    async takeMessage({ jobId, told }: Place & { told: Told }): Promise<Standing> {
      await store.ledger.takeMessage(jobId, told);
      return steeredOf(jobId);
    },

    /** Records what a candidate is to be, before anything is done for it. */
    async recordDecision({ jobId, decided }: Place & { decided: NumberedDecision }): Promise<void> {
      await store.ledger.decide(jobId, decided);
      const { number, decision } = decided;
      if (decision.kind === 'draft' && decision.stuck !== undefined)
        await store.ledger.say(
          jobId,
          `${stepKey({ jobId, step: `c-${number}` })}/stuck`,
          `${decision.stuck.join(' and ')} failed of the same: c-${number} begins anew`,
          Date.now(),
        );
    },

    /** Records that a decision led to no program. */
    async endInVain({ jobId, number }: Place & { number: number }): Promise<void> {
      await store.ledger.endInVain(jobId, number);
    },

    /**
     * Records a trial and says in the job's log how it ended. Returns what the job has spent. `number`: of the decision that led to it, where that
     * is another than the candidate's.
     */
    async recordTrial({
      trial,
      number,
      ...place
    }: Place & { trial: Trial; number?: number }): Promise<Spent> {
      const index = number ?? candidateNumber(trial.candidate);
      await store.ledger.recordTrial({ jobId: place.jobId, index, trial });
      const objective = await objectiveIn(place.jobId);
      await store.ledger.say(place.jobId, stepKey(place), lineOf(trial, objective), Date.now());
      return spentBy(place.jobId);
    },

    /** Ends the job in the ledger. What it found is read from its trials, so a cancelled job keeps its best too. */
    async closeJob({
      status,
      ended,
      ...place
    }: Place & {
      status: JobResult['status'];
      ended: Pick<JobResult, 'summary' | 'best' | 'refused' | 'product'>;
    }): Promise<Spent & { result: JobResult }> {
      await store.ledger.closeCalls(place.jobId);
      const trials = await knownTrials(place.jobId);
      const record = await store.ledger.job(place.jobId);
      // It failed before it was opened.
      if (record === undefined)
        return { result: { jobId: place.jobId, status, ...ended, report: null }, microUsd: 0 };
      const notUsed = await notUsedBy(place.jobId, trials);
      const now = await resultNow(record, {
        ...{ jobId: place.jobId, status, ...ended, report: null },
        refused: refusedTrials(trials).length + ended.refused,
        ...(notUsed === null ? {} : { notUsed }),
      });
      const result = { ...now, best: now.best ?? ended.best, product: now.product ?? ended.product };
      await store.ledger.closeJob(place.jobId, {
        status,
        endedAt: Date.now(),
        result,
        best: result.best?.metric?.value ?? null,
      });
      await store.ledger.say(
        place.jobId,
        stepKey(place),
        `${status}: ${headline(result.summary)}`,
        Date.now(),
      );
      await rememberStage(result);
      if (record.role === 'verification') await keepFinding(record, result.summary);
      return { result, ...(await spentBy(place.jobId)) };
    },

    /** The `Tree` of what every candidate may see, where there is no program of the user's own. */
    async packInputs({
      files,
      inputs,
      hidden = [],
      ...place
    }: Place & { files: Artifact; inputs: string[]; hidden?: string[] }): Promise<{ seen: Artifact }> {
      return takeStep(store, place, 'pack', async () => ({
        seen: await writeJson(store.blobs, pick(without(await readTree(store.blobs, files), hidden), inputs)),
      }));
    },

    /** The user's own program as candidate `c-0`, and the `Tree` of what it and every other candidate may see. */
    async packProgram({
      files,
      original,
      ...place
    }: Place & { files: Artifact; original: Original }): Promise<PackedProgram> {
      return takeStep(store, place, 'pack', () => packOriginal(store.blobs, files, original));
    },

    /**
     * The files a stage starts with: the pipeline's, and below each needed stage's name what that stage gave. With `stage`, also
     * what the same stage gave earlier on the same files; null where it was never done.
     */
    async mergeFiles({
      files,
      products,
      stage,
      ...place
    }: Place & {
      files: Artifact | null;
      products: Record<string, Artifact>;
      stage: StageJob | null;
    }): Promise<{ files: Artifact; known: JobResult | null }> {
      return takeStep(store, place, 'files', async () => {
        const merged: Tree = files === null ? {} : await readTree(store.blobs, files);
        for (const [name, product] of Object.entries(products))
          Object.assign(merged, placeBelow(name, await readTree(store.blobs, product)));
        const artifact = await writeJson(store.blobs, Tree.parse(merged));
        const recalled = stage === null ? null : await store.ledger.recall(stageContentKey(stage, merged));
        const known = JobResult.safeParse(recalled).data;
        if (known !== undefined)
          await store.ledger.say(
            place.jobId,
            stepKey(place),
            `${stage?.name}: unchanged, taken over`,
            Date.now(),
          );
        return { files: artifact, known: known ?? null };
      });
    },
  };
};

/** The user's own program as a candidate, and the files that every candidate may see. */
interface PackedProgram {
  candidate: Candidate;
  seen: Artifact;
}

/** Returns the user's own program out of the files of a job. Throws `JobRejected` where it is not among them. */
export async function packOriginal(
  blobs: BlobStore,
  files: Artifact,
  { operator, title, entry, paths, inputs, hidden }: Original,
): Promise<PackedProgram> {
  const path = entry.kind === 'script' ? entry.path : entry.module;
  const tree = without(await readTree(blobs, files), hidden);
  if (tree[path] === undefined) throw new JobRejected(`${path}: expected a file of the job, found none`);
  const program: Program = { files: pick(tree, paths), entry, build: null };
  return {
    candidate: {
      ...{ id: 'c-0', parents: [], operator, title, note: `${path}, unchanged` },
      program: await writeJson(blobs, program),
    },
    seen: await writeJson(blobs, pick(tree, inputs)),
  };
}
