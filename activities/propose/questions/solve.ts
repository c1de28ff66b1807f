import { checksWords } from '../../../domain/check-words.ts';
import { defaults } from '../../../domain/defaults.ts';
import { worthNative } from '../../../domain/estimates.ts';
import { hiddenOf } from '../../../domain/judging.ts';
import type { SolveJob } from '../../../domain/kinds/solve.schema.ts';
import type { Trial } from '../../../domain/trial.schema.ts';
import { promptRequest } from '../../../llm/prompts/prompts.ts';
import { packagesForModel } from '../../../record/environment.ts';
import type { Store } from '../../../store/store.ts';
import { conversationOf } from '../conversation.ts';
import { headsOf } from './heads.ts';
import { type AsksFor, digestOf, logOf, shownProgram, triedPrograms } from './question.ts';
import { scoredText, scoreTask, scoringWords } from './scoring.ts';

/** Asks for a program that does what the job says in words: a new one, or the next version of one that failed. */
export const solveQuestion: AsksFor<SolveJob> = async (
  store,
  { job, jobId, decision, files, from: begun },
  trials,
  own,
  hint,
) => {
  const from =
    decision.kind === 'debug' ? decision.parent : decision.kind === 'improve' ? decision.parents[0] : null;
  const parent = from === null ? undefined : trials.findLast(({ candidate }) => candidate.id === from);
  const task = job.task ?? (job.objective === undefined ? '' : scoreTask(job));
  const start = parent?.candidate.program ?? begun;
  const asked = {
    task,
    program: start === undefined ? null : await shownProgram(store, start),
    failure: parent === undefined ? null : await failureOf(store, parent),
    standing: parent === undefined ? null : scoredText(parent, job),
    tried: triedPrograms(trials, (trial) => scoredText(trial, job)),
    args: job.args,
    native: worthNative(job),
    checks: [...checksWords(job), ...(await scoringWords(store, job, files))],
    wallMs: job.limits.wallMs,
    memoryMb: job.limits.memoryMb,
    cores: job.cores,
    packages: await packagesForModel(store, jobId, job),
    inputs: await headsOf(store, files, job.inputs, hiddenOf(job)),
    hint,
    conversation: await conversationOf(store, jobId),
  };
  const tool = extensionTool(task);
  const { program, failure } = asked;
  const command = ['python', job.script ?? '', ...job.args].join(' ');
  return {
    request:
      job.fix && program !== null && failure !== null
        ? promptRequest(
            'error-analysis',
            { ...asked, ...failure, program, command, task: null, fixes: defaults.fixes },
            own,
          )
        : tool === null
          ? promptRequest('code-generation', asked, own)
          : promptRequest('cpp-module-creation', { ...asked, tool, test: null }, own),
    parent: parent?.candidate.id ?? null,
    known: trials.map(({ candidate }) => candidate),
    entryAt: (path) => ({ kind: 'script', path, args: job.args }),
  };
};

async function failureOf(store: Store, trial: Trial) {
  const { outcome } = trial;
  if (!('reason' in outcome)) return null;
  return {
    ...{ outcome: outcome.kind, reason: outcome.reason },
    ...{ diagnosis: await digestOf(store, trial), log: await logOf(store, trial) },
  };
}

/** Returns what builds the C++ extension that a task names; null where it names none. */
export function extensionTool(task: string): 'nanobind' | 'pybind11' | null {
  if (/\bpybind11\b|\bsetup\.py\b/i.test(task)) return 'pybind11';
  return /\bC\+\+|\bcpp\b|\bnanobind\b/i.test(task) ? 'nanobind' : null;
}
