import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import { casesPerFunction, extensionHarness } from '../../domain/extension.ts';
import type { Exam } from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { readJson, readProgram } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { diagnosedBuild } from '../diagnose/diagnosed.ts';
import type { PreparedCases } from './cases.ts';
import { guest, threads } from './command.ts';
import { saidBy } from './outcome-of-ending.ts';

/** What a run under AddressSanitizer found; null where that is nothing. */
export interface Sanitized {
  outcome: Outcome | null;
  log: Artifact | null;
}

export type SanitizeActivities = ReturnType<typeof createSanitizeActivities>;

/** The exit status of `sanitize.py` where it found something. */
const exitFound = 98;
const mostLines = 8;

export const createSanitizeActivities = ({ store, sandbox }: ActivityContext) => ({
  /**
   * Builds a program's extension with AddressSanitizer, and has it answer the small ones of its cases. What it reads or writes beside its memory
   * is how it ended. Any other failure shows where it runs as it is.
   */
  async sanitizeProgram({
    exam,
    program: artifact,
    cases,
    ...place
  }: Place & { exam: Exam; program: Artifact; cases: PreparedCases }): Promise<Sanitized> {
    return takeStep<Sanitized>(store, place, 'sanitize', async ({ signal }) => {
      const program = await readProgram(store.blobs, artifact);
      const { build } = program;
      if (build === null) return { outcome: null, log: null };
      const { cases: inputs, expected } = await readJson(store.blobs, cases.caseSet, CaseSet);
      const small = inputs.slice(0, smallOf(expected.length));
      const ran = await sandbox.run(
        {
          key: stepKey(place),
          label: place.step,
          argv: guest(
            'sanitize',
            ...['--cases', '.cases', '--harness', extensionHarness],
            ...['--', build.tool, ...build.sources],
          ),
          env: threads(exam.cores),
          workspace: { ...program.files, ...framesOf(small) },
          limits: limitsOf(exam),
          environment: exam.environment,
          outputs: [],
        },
        signal,
      );
      const log = ran.stderr.artifact;
      if (ran.ending.kind !== 'exited' || ran.ending.code !== exitFound) return { outcome: null, log };
      const reason = reportIn(ran.stderr.tail);
      const known = { program, said: saidBy(ran), ending: ran.ending };
      return { outcome: await diagnosedBuild(store, { kind: 'crashed', reason }, known), log };
    });
  },
});

/** All but the large one of each function. */
const smallOf = (cases: number): number => (cases / casesPerFunction) * (casesPerFunction - 1);

const framesOf = (cases: readonly Artifact[]): Tree =>
  Object.fromEntries(
    cases.map((frame, index) => [`.cases/case-${String(index).padStart(3, '0')}.frame`, frame]),
  );

/** Returns the lines in which `sanitize.py` tells what it found. */
function reportIn(stderr: string): string {
  const at = stderr.lastIndexOf('\nAddressSanitizer: ');
  return stderr
    .slice(at + 1)
    .trim()
    .split('\n')
    .slice(0, mostLines)
    .join('\n');
}
