import type { Exam } from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import type { ActivityContext } from '../context.ts';
import { type Hottest, hottestIn } from '../diagnose/hottest.ts';
import { sampledCommand, threads } from './command.ts';
import { workspaceOf } from './workspace.ts';

/** A program that took too long is run once more for so long, and looked at so often. */
const sampledMs = 10_000;
const everySeconds = 0.02;
const samplesFile = '.crucible-samples';
const mostBytes = 16 << 20;

/** Runs a script that took too long once more, briefly. Returns the line of its own where it stands most of the time; null where none stands out. */
export async function hottestLine(
  { store, sandbox }: ActivityContext,
  place: Place,
  { exam, program, seed }: { exam: Exam; program: Program; seed: number | null },
  signal: AbortSignal,
): Promise<Hottest | null> {
  const limits = limitsOf(exam);
  const wallMs = Math.min(limits.wallMs, sampledMs);
  const ran = await sandbox.run(
    {
      key: stepKey({ ...place, step: `${place.step}/sampled` }),
      label: `${place.step}/sampled`,
      argv: sampledCommand(program, samplesFile, everySeconds),
      env: { ...threads(exam.cores), ...(seed === null ? {} : { CRUCIBLE_SEED: String(seed) }) },
      workspace: await workspaceOf(store.blobs, exam, program),
      limits: { ...limits, wallMs },
      environment: exam.environment,
      outputs: [samplesFile],
    },
    signal,
  );
  const samples = ran.outputs[samplesFile];
  if (samples === undefined || ran.ending.kind !== 'timedOut') return null;
  const { start } = await store.blobs.head(samples, mostBytes);
  return hottestIn(start.toString('utf8'), wallMs);
}
