import type { Artifact } from '../../../domain/artifact.schema.ts';
import { checksWords } from '../../../domain/check-words.ts';
import { defaults } from '../../../domain/defaults.ts';
import { worthNative } from '../../../domain/estimates.ts';
import { extensionWords, toleranceOf, toolNamedBy, toolOf } from '../../../domain/extension.ts';
import { hiddenOf } from '../../../domain/judging.ts';
import type { SolveJob } from '../../../domain/kinds/solve.schema.ts';
import type { Trial } from '../../../domain/trial.schema.ts';
import { promptRequest } from '../../../llm/prompts/prompts.ts';
import { packagesForModel } from '../../../record/environment.ts';
import { readTree } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';
import { extensionEntry } from '../../extension.ts';
import { harnessFiles } from '../../extension-harness.ts';
import { conversationOf } from '../conversation.ts';
import { headsOf } from './heads.ts';
import { type AsksFor, digestOf, logOf, shownProgram, triedPrograms } from './question.ts';
import { scoredText, scoreTask, scoringWords } from './scoring.ts';

/**
 * Asks for a program that does what the job says in words. It is a new one, or the next version of one that
 * failed.
 */
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
  const { module } = job;
  const task = [
    ...(job.task === undefined && job.objective !== undefined ? [scoreTask(job)] : [job.task ?? '']),
    ...(module === undefined ? [] : [extensionWords(module)]),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
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
  const tool = module === undefined ? toolNamedBy(task) : toolOf(module, job.task);
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
          : promptRequest(
              'cpp-module-creation',
              { ...asked, tool, test: await testOf(store, files, module) },
              own,
            ),
    parent: parent?.candidate.id ?? null,
    known: trials.map(({ candidate }) => candidate),
    ...(module === undefined || tool === null
      ? { entryAt: (path: string) => ({ kind: 'script' as const, path, args: job.args }) }
      : {
          entryAt: () => extensionEntry,
          module: { tool, beside: await harnessFiles(store.blobs, module, { kind: 'program' }) },
        }),
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

/**
 * Returns how a module is tested, in words, with the reference where there is one. Null where nothing but a
 * task says what it is to do.
 */
async function testOf(store: Store, files: Artifact, module: SolveJob['module']): Promise<string | null> {
  if (module === undefined) return null;
  const { name, reference, accepts, functions } = module;
  const by =
    reference !== undefined
      ? `compared with ${reference}, to a relative error of ${toleranceOf(module)}`
      : accepts !== undefined
        ? 'judged by a check that you are not shown'
        : 'those of the examples, and elsewhere of the type that is named';
  const tree = reference === undefined ? {} : await readTree(store.blobs, files);
  const text = reference === undefined ? undefined : tree[reference];
  return [
    `\`${name}\` is imported, and ${functions.length === 1 ? 'its function is' : 'each function is'} called on generated arguments, empty and odd sizes among them. Answers are ${by}.`,
    'An array of another dtype, with an axis too many, or as long as no other that shares its letter must be refused by an exception. Arrays that are not C-contiguous are refused, or answered rightly.',
    'The same runs under AddressSanitizer. Your own entry file is kept beside it, and is not run.',
    ...(text === undefined ? [] : [`${reference}:\n${await store.blobs.text(text)}`]),
  ].join('\n');
}
