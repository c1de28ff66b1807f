import { diagnosisLines } from '../../domain/diagnosis.ts';
import { searches } from '../../domain/job.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { waitsText } from '../../domain/steered.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { headline, lastLooks, lineOf } from '../../domain/trial.ts';
import type { KeptJob } from '../../record/kept-job.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readProgram } from '../../store/documents.ts';
import { type CommandContext, clean, oneLine, paint, UserMistake, wrap } from '../terminal.ts';

/** Lines of the program around the one that failed. */
const around = 4;
/** Lines of the program where none is known to have failed. */
const mostLines = 20;
/** Candidates that are listed. */
const mostTried = 8;

/** What a person looks at who helps a job: how it stands, what failed last, where, and why. */
export interface Trouble {
  /** The job itself, or the one of its stages that waits or failed. */
  kept: KeptJob;
  /** What failed last; null where nothing was tried. */
  failed: Trial | null;
  code: CodeExcerpt | null;
}

interface CodeExcerpt {
  path: string;
  lines: { number: number; text: string; failed: boolean }[];
}

/** Reads what there is to look at. Throws `UserMistake` for a job that needs no help. */
export async function readTrouble(blobs: BlobStore, whole: KeptJob): Promise<Trouble> {
  const parts = [whole, ...whole.stages];
  const kept =
    parts.find(({ waiting }) => waiting !== null) ??
    parts.findLast(({ record, trials }) => record.status !== 'finished' && trials.length > 0) ??
    whole;
  const { record } = kept;
  if (record.status === 'finished')
    throw new UserMistake(
      `${record.id} is finished: there is nothing to mend. What came of it: crucible show ${record.id}`,
    );
  const failed = lastLooks(kept.trials).findLast(({ outcome }) => 'reason' in outcome) ?? null;
  return { kept, failed, code: failed === null ? null : await codeOf(blobs, failed) };
}

/** The lines around the one that failed; of a program where none is known to, its first. */
async function codeOf(blobs: BlobStore, { candidate, outcome }: Trial): Promise<CodeExcerpt | null> {
  const { files, entry } = await readProgram(blobs, candidate.program);
  const place = 'diagnosis' in outcome ? (outcome.diagnosis?.place ?? null) : null;
  const own = entry.kind === 'script' ? entry.path : entry.module;
  const path = place !== null && files[place.path] !== undefined ? place.path : own;
  const artifact = files[path];
  if (artifact === undefined) return null;
  const lines = (await blobs.text(artifact)).split('\n');
  const at = place?.path === path ? place.line : null;
  const [from, to] = at === null ? [1, mostLines] : [Math.max(1, at - around), at + around];
  return {
    path,
    lines: lines
      .map((text, index) => ({ number: index + 1, text, failed: index + 1 === at }))
      .slice(from - 1, to),
  };
}

/** Returns the screen, line by line; none is wider than it. */
export function troubleLines(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  { kept, failed, code }: Trouble,
): string[] {
  const { record, waiting, trials, job } = kept;
  const status =
    waiting === null ? headline(record.result?.summary ?? record.status) : waitsText(waiting, record.id);
  const objective = objectiveOf(job);
  const tried = lastLooks(trials).slice(-mostTried);
  return [
    `${paint(context, 'bold', record.id)}  ${record.status}`,
    ...wrap(clean(status), context.columns),
    ...section(
      context,
      'Tried',
      tried.flatMap((trial) => wrap(clean(oneLine(lineOf(trial, objective))), context.columns)),
    ),
    ...(failed === null ? [] : failureLines(context, failed)),
    ...(code === null
      ? []
      : section(
          context,
          code.path,
          code.lines.map((line) => codeLine(context, line)),
        )),
  ];
}

function failureLines(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  { candidate, outcome }: Trial,
): string[] {
  if (!('reason' in outcome)) return [];
  const diagnosis = outcome.diagnosis === undefined ? [] : diagnosisLines(outcome.diagnosis);
  const told = [outcome.reason, ...diagnosis].flatMap((text) => text.split('\n'));
  return section(
    context,
    `${candidate.id} ${oneLine(candidate.title)}: ${outcome.kind}`,
    told.flatMap((text) => wrap(clean(text), context.columns)),
  );
}

const section = (
  context: Pick<CommandContext, 'terminal'>,
  title: string,
  lines: readonly string[],
): string[] => (lines.length === 0 ? [] : ['', paint(context, 'bold', clean(title)), ...lines]);

function codeLine(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  { number, text, failed }: CodeExcerpt['lines'][number],
): string {
  const line = `${failed ? '>' : ' '} ${String(number).padStart(4)}  ${clean(text)}`.slice(
    0,
    context.columns,
  );
  return failed ? paint(context, 'red', line) : line;
}

/** Returns what may be done, with the key and its arguments, and the command that does the same. */
export function waysOn({ kept }: Trouble): { key: string; what: string; command: string }[] {
  const { record, trials, job } = kept;
  const objective = objectiveOf(job);
  const right = lastLooks(trials).find(
    ({ outcome }) => !('reason' in outcome) && objective.kind !== 'passes',
  );
  const waits = kept.waiting !== null;
  const ended = record.status !== 'running';
  const looks = [
    {
      key: 'd CANDIDATE',
      what: 'what a candidate changed',
      command: `crucible show ${record.id} CANDIDATE --diff`,
    },
    { key: 'l CANDIDATE', what: 'what it wrote', command: `crucible show ${record.id} CANDIDATE --log` },
  ];
  // Its one program is not run again as it is.
  if (!searches(job)) return looks;
  return [
    { key: 'h TEXT', what: 'a hint for models', command: `crucible hint ${record.id} TEXT` },
    {
      key: 't FILE',
      what: 'a program of your own, or a patch, is tried',
      command: `crucible try ${record.id} FILE`,
    },
    { key: 'e trials=N', what: 'a larger budget', command: `crucible extend ${record.id} trials=N` },
    ...(ended ? [{ key: 'r', what: 'it is taken up again', command: `crucible resume ${record.id}` }] : []),
    ...(waits || right !== undefined
      ? [
          {
            key: 'c CANDIDATE',
            what: 'it gives that one; best ends the waiting',
            command: `crucible choose ${record.id} CANDIDATE`,
          },
        ]
      : []),
    ...looks,
  ];
}
