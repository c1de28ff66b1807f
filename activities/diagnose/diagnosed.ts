import type { Exam } from '../../domain/judging.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import { packagesForPrograms } from '../../sandbox/packages.ts';
import type { Ending } from '../../sandbox/sandbox.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { hintOn, surroundings } from '../try/missing.ts';
import type { Said } from '../try/outcome-of-ending.ts';
import { diagnose } from './diagnose.ts';
import type { Failure } from './failure.ts';

/** What is known of a failed run beside its outcome. */
export interface Symptoms {
  program: Program;
  said: Said;
  /** How it ended; null where that says nothing. */
  ending: Ending | null;
  written?: Failure['written'];
  hottest?: Failure['hottest'];
}

/**
 * Returns the outcome of a run with what it failed of. What it missed stands below the first line of its
 * reason.
 */
export async function diagnosed(
  store: Store,
  { jobId, step }: Place,
  outcome: Outcome,
  { exam, had, ...known }: Symptoms & { exam: Exam; had: readonly string[] },
): Promise<Outcome> {
  if (!('reason' in outcome)) return outcome;
  const around = await surroundings(store, { jobId, step }, exam, had);
  const hint = outcome.kind === 'crashed' ? hintOn(outcome.reason, around) : null;
  const [line, ...rest] = outcome.reason.split('\n');
  const explained = hint === null ? outcome : { ...outcome, reason: [line, hint, ...rest].join('\n') };
  const { program } = known;
  // A module among the inputs is as much of the user's as the program itself.
  const files = { ...(await readTree(store.blobs, exam.files)), ...program.files };
  return withDiagnosis(store, explained, { ...known, program: { ...program, files } }, around);
}

/** Returns the outcome of a build with what it failed of. */
export async function diagnosedBuild(store: Store, outcome: Outcome, known: Symptoms): Promise<Outcome> {
  const { entry, files } = known.program;
  const program = entry.kind === 'script' ? entry.path : entry.module;
  const around = {
    ...{ program, had: Object.keys(files), beside: [], options: false },
    packages: await packagesForPrograms(),
  };
  return withDiagnosis(store, outcome, known, around);
}

/** Returns what a grader refused with what it failed of. `written`: the first files of the run. */
export function diagnosedVerdict(outcome: Outcome, written: Failure['written'] = []): Outcome {
  if (!('reason' in outcome)) return outcome;
  const { reason } = outcome;
  // Where checks are counted, a check refused it, and nothing was compared.
  const kind = 'passed' in outcome && outcome.passed !== undefined ? 'invalidOutput' : outcome.kind;
  const around = { program: '', had: [], beside: [], packages: [], options: false };
  const said = { stdout: '', stderr: '' };
  const failure: Failure = { outcome: kind, reason, exit: null, sources: {}, written, around, ...said };
  return { ...outcome, diagnosis: diagnose(failure) };
}

async function withDiagnosis(
  store: Store,
  outcome: Outcome,
  { program, said, ending, written = [], hottest = null }: Symptoms,
  around: Failure['around'],
): Promise<Outcome> {
  if (!('reason' in outcome)) return outcome;
  const failure: Failure = {
    ...{ outcome: outcome.kind, reason: outcome.reason, written, hottest, around, ...said },
    exit: ending?.kind === 'exited' ? ending.code : ending?.kind === 'signalled' ? ending.signal : null,
    sources: await sourcesOf(store, program),
  };
  return { ...outcome, diagnosis: diagnose(failure) };
}

/** Sources that are looked at, and bytes of each. */
const mostSources = 200;
const longestSource = 1_000_000;

/** Returns the texts of a program that are Python, C or C++. */
async function sourcesOf({ blobs }: Store, { files }: Program): Promise<Record<string, string>> {
  const texts = Object.entries(files)
    .filter(([path]) => /\.(?:py|c|h|cc|cpp|hpp)$/.test(path))
    .slice(0, mostSources);
  const read = texts.map(async ([path, file]) => {
    const { start } = await blobs.head(file, longestSource);
    return [path, start.toString('utf8')] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
