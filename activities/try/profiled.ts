import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { ObservedRecord } from '../../domain/strategies.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import { readJson, writeJson } from '../../store/documents.ts';
import type { ActivityContext } from '../context.ts';
import { programsOf } from '../propose/sandbox-programs.ts';
import { python, threads } from './command.ts';

/**
 * Returns where the time of a function goes on one case, line by line, as `observe.py` writes it. Null where it
 * came to no end. For people: nothing is decided by it, for the function runs beside what observes it.
 */
export async function profiled(
  { store, sandbox }: ActivityContext,
  place: Place,
  { exam, program, frame }: { exam: Exam; program: Program; frame: Artifact },
  signal: AbortSignal,
): Promise<Artifact | null> {
  const { entry, files } = program;
  if (entry.kind !== 'function') return null;
  const ran = await sandbox.run(
    {
      key: `${stepKey(place)}/profile`,
      label: `${place.step}/profile`,
      argv: [
        ...[python, '-I', '-B', '/in/strategies/observe.py', '--out', 'out', '--case', '/in/case.frame'],
        ...['--module', `/in/program/${entry.module}`, '--function', entry.name],
      ],
      env: threads(exam.cores),
      files: {
        ...placeBelow('strategies', await programsOf('strategies', store.blobs)),
        ...placeBelow('program', files),
        'case.frame': frame,
      },
      limits: exam.limits,
      environment: exam.environment,
      outputs: ['out/record.json'],
    },
    signal,
  );
  const record = ran.outputs['out/record.json'];
  if (record === undefined) return null;
  // It was written beside the candidate, so it may be anything.
  try {
    return await writeJson(store.blobs, await readJson(store.blobs, record, ObservedRecord));
  } catch {
    return null;
  }
}
