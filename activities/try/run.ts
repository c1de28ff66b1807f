import { z } from 'zod';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { Tree } from '../../domain/artifact.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Place, parseStep, stepKey } from '../../domain/step.ts';
import {
  Answer,
  type ConductResult,
  type Ending,
  type Isolation,
  type Log,
  type RunResult,
} from '../../sandbox/sandbox.ts';
import { readJson, readProgram, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { diagnosed } from '../diagnose/diagnosed.ts';
import type { PreparedCases } from './cases.ts';
import { scriptCommand, threads, unbuffered } from './command.ts';
import { lookingFirst, type Rejection, rejection } from './look.ts';
import { outcomeOfEnding, type Said, saidBy } from './outcome-of-ending.ts';
import { outputsOf, patternsOf } from './outputs.ts';
import { playerOf } from './player.ts';
import { profiled } from './profiled.ts';
import { reasonIn } from './reason.ts';
import { hottestLine } from './sampled.ts';
import { secretSeed } from './seed.ts';
import { workspaceOf } from './workspace.ts';

/** What a program gave back: answers to cases, or files and standard output. */
export const Returned = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('answers'), answers: z.array(Answer) }),
  z.object({
    kind: z.literal('files'),
    files: Tree,
    stdout: z.string().nullable(),
    /** Outputs that stand as they were placed. */
    untouched: z.array(z.string()).default([]),
    /** The first files that the program wrote, outputs or not. */
    written: z.array(z.object({ path: z.string(), bytes: z.number() })).default([]),
    /** Its exit status: 0, or another that the job asks for. */
    status: z.number().default(0),
  }),
]);
export type Returned = z.infer<typeof Returned>;

/** What a script without outputs to check gives: its standard output, under this name. */
export const printedFile = 'stdout.txt';

/** `isolation`: what held the program in; `seed`: what one that is scored was told. */
export type Ran =
  | {
      kind: 'ran';
      returned: Artifact;
      artifacts: Record<string, Artifact>;
      isolation?: Isolation;
      seed?: number;
    }
  | { kind: 'failed'; outcome: Outcome; artifacts: Record<string, Artifact>; isolation?: Isolation };

export type RunActivities = ReturnType<typeof createRunActivities>;

export const createRunActivities = ({ store, sandbox }: ActivityContext) => {
  /** What a look found is diagnosed as if it had been run into. */
  async function notRun(
    place: Place,
    { outcome, said }: Rejection,
    known: { exam: Exam; program: Program; had: readonly string[] },
  ): Promise<Ran> {
    const found = await diagnosed(store, place, outcome, { ...known, said, ending: null });
    return { kind: 'failed', outcome: found, artifacts: {} };
  }

  /** A function answers each case in a process that never sees the expected answers. */
  async function answerCases(
    {
      exam,
      program,
      cases,
      look,
      ...place
    }: Place & { exam: Exam; program: Program; cases: PreparedCases; look: boolean },
    signal: AbortSignal,
  ): Promise<Ran> {
    const { cases: inputs, expected } = await readJson(store.blobs, cases.caseSet, CaseSet);
    const checked = inputs.slice(0, expected.length);
    const player = await playerOf(store.blobs, 'candidate', exam, program);
    const serving = unbuffered(player.argv);
    const argv = look
      ? lookingFirst(serving, program, { root: '/players/candidate', imports: true })
      : serving;
    const conducted = await sandbox.conduct(
      {
        key: stepKey(place),
        label: place.step,
        players: [{ ...player, argv }],
        cases: checked,
        samples: checked.map((_, index) => ({ player: 'candidate', cases: [index], timed: false })),
        answerMb: answerMb(cases),
        limits: limitsOf(exam),
        environment: exam.environment,
        sampleMs: exam.limits.wallMs,
        exclusive: false,
      },
      signal,
    );
    if (look) {
      const { ending, stderr } = playerIn(conducted, 'candidate');
      const rejected = await rejection(ending, stderr.tail);
      if (rejected !== null)
        return notRun(place, rejected, { exam, program, had: Object.keys(program.files) });
    }
    const artifacts = logsOf(conducted);
    const outcome = outcomeOfPlayer(conducted, 'candidate', checked.length);
    if (outcome !== null) {
      const had = Object.keys(program.files);
      const known = { program, ...endOfPlayer(conducted, 'candidate'), exam, had };
      return { kind: 'failed', outcome: await diagnosed(store, place, outcome, known), artifacts };
    }
    const [frame] = checked;
    const profile =
      exam.bench !== null && parseStep(place.step).verifies && frame !== undefined
        ? await profiled({ store, sandbox }, place, { exam, program, frame }, signal)
        : null;
    if (profile !== null) artifacts.profile = profile;
    const returned: Returned = {
      kind: 'answers',
      answers: conducted.samples.flatMap((sample) => sample.answers),
    };
    return { kind: 'ran', returned: await writeJson(store.blobs, returned), artifacts };
  }

  /** A script runs once on the files of its exam; its files and standard output are what it gave back. */
  async function runScript(
    { exam, program, look, ...place }: Place & { exam: Exam; program: Program; look: boolean },
    signal: AbortSignal,
  ): Promise<Ran> {
    const command = scriptCommand(program);
    const wanted = patternsOf(outputsOf(exam.judging));
    // What was written is told where something is looked for.
    const outputs = wanted.length === 0 && isMended(exam) ? [noFile] : wanted;
    const workspace = await workspaceOf(store.blobs, exam, program);
    const { judging } = exam;
    const isSeeded = judging.kind === 'score' || (judging.kind === 'checks' && judging.seeded === true);
    const seed = isSeeded ? secretSeed(store, place) : null;
    const ran = await sandbox.run(
      {
        key: stepKey(place),
        label: place.step,
        argv: look ? lookingFirst(command, program, { root: '/work', imports: true }) : command,
        // For the Python processes it starts, too.
        env: {
          ...{ ...threads(exam.cores), PYTHONUNBUFFERED: '1' },
          ...(seed === null ? {} : { CRUCIBLE_SEED: String(seed) }),
        },
        workspace,
        limits: limitsOf(exam),
        environment: exam.environment,
        outputs,
      },
      signal,
    );
    const rejected = look ? await rejection(ran.ending, ran.stderr.tail) : null;
    if (rejected !== null) return notRun(place, rejected, { exam, program, had: Object.keys(workspace) });
    const { isolation } = ran;
    const given = filesOf(exam, ran);
    const artifacts: Record<string, Artifact> = {
      ...logArtifacts(ran.stdout, ran.stderr),
      outputs: await writeJson(store.blobs, given),
    };
    const status = ran.ending.kind === 'exited' ? ran.ending.code : null;
    const outcome =
      status !== null && isAskedFor(status, exam) ? null : outcomeOfEnding(ran.ending, saidBy(ran));
    const returned: Returned = {
      kind: 'files',
      files: given,
      stdout: ran.stdout.artifact,
      untouched: ran.untouched,
      written: ran.written,
      status: status ?? 0,
    };
    if (isMended(exam)) artifacts['what it gave'] = await writeJson(store.blobs, returned);
    if (outcome !== null) {
      const had = Object.keys(workspace);
      const hottest =
        outcome.kind === 'timedOut'
          ? await hottestLine({ store, sandbox }, place, { exam, program, seed }, signal)
          : null;
      const { ending, written } = ran;
      const known = { program, said: saidBy(ran), ending, written, hottest, exam, had };
      const found = await diagnosed(store, place, outcome, known);
      return { kind: 'failed', outcome: found, artifacts, isolation };
    }
    const [refused] = ran.refused;
    if (refused !== undefined) {
      const reason = `the output ${refused.path} was not taken: ${refused.why}`;
      return { kind: 'failed', outcome: { kind: 'invalidOutput', reason }, artifacts, isolation };
    }
    return {
      ...{ kind: 'ran', returned: await writeJson(store.blobs, returned), artifacts, isolation },
      ...(seed === null ? {} : { seed }),
    };
  }

  return {
    /**
     * Runs a program in a sandbox that holds its inputs and nothing that could tell it the answers. With `look` its text is looked at before, and
     * what is certain to fail is not run.
     */
    async runProgram({
      exam,
      cases,
      look = false,
      ...rest
    }: Place & {
      exam: Exam;
      program: Artifact;
      cases: PreparedCases | null;
      look?: boolean;
    }): Promise<Ran> {
      return takeStep<Ran>(store, rest, 'run', async ({ signal }) => {
        const program = await readProgram(store.blobs, rest.program);
        return cases === null
          ? runScript({ ...rest, exam, program, look }, signal)
          : answerCases({ ...rest, exam, program, cases, look }, signal);
      });
    },
  };
};

/** Tells whether a job asks for an exit status that would else be a crash. */
const isAskedFor = (status: number, { judging }: Exam): boolean =>
  (judging.kind === 'checks' || judging.kind === 'score') &&
  judging.outputs.some((output) => output.kind === 'exit' && output.status === status);

/** A pattern that no file has. */
const noFile = '.crucible-no-file';

/** Returns whether programs are to do what a failed one did. */
const isMended = ({ judging }: Exam): boolean => judging.kind === 'checks' && judging.keeps !== undefined;

/** Returns what a run gave: the files it wrote, or what it printed where no file is checked. */
const filesOf = ({ judging }: Exam, { outputs, stdout }: RunResult): Tree =>
  judging.kind === 'checks' && outputsOf(judging).length === 0 && stdout.artifact !== null
    ? { [printedFile]: stdout.artifact }
    : outputs;

/** Returns the room for one answer, MiB: twice the largest expected one, for an answer may be wrong and larger. */
export const answerMb = ({ answerBytes }: PreparedCases): number =>
  Math.ceil((2 * answerBytes) / 2 ** 20) + 1;

const logArtifacts = (stdout: Log, stderr: Log): Record<string, Artifact> => ({
  ...(stdout.artifact === null ? {} : { stdout: stdout.artifact }),
  ...(stderr.artifact === null ? {} : { stderr: stderr.artifact }),
});

function logsOf({ players }: ConductResult): Record<string, Artifact> {
  const candidate = players.find((player) => player.name === 'candidate');
  return candidate === undefined ? {} : logArtifacts(candidate.stdout, candidate.stderr);
}

function playerIn(
  { players }: Pick<ConductResult, 'players'>,
  name: string,
): ConductResult['players'][number] {
  const player = players.find((each) => each.name === name);
  if (player === undefined) throw new Error(`expected a result of the player ${name}, got none`);
  return player;
}

/** Returns how a player ended, and what it said: the error that it reported, else what it wrote. */
function endOfPlayer(conducted: ConductResult, name: string): { said: Said; ending: Ending | null } {
  const player = playerIn(conducted, name);
  const { stdout, stderr } = messageOf(saidBy(player));
  return player.error === null
    ? { said: { stdout, stderr }, ending: player.ending }
    : { said: { stdout, stderr: player.error }, ending: null };
}

/** Returns why a player did not answer all samples of the plan; null where it did. */
export function outcomeOfPlayer(
  { samples, players }: ConductResult,
  name: string,
  planned: number,
): Outcome | null {
  const player = playerIn({ players }, name);
  if (player.error !== null)
    return { kind: 'crashed', reason: reasonIn(player.error) || 'an error without a message' };
  const outcome = outcomeOfEnding(player.ending, messageOf(saidBy(player)));
  if (outcome !== null) return outcome;
  if (samples.length === planned) return null;
  return { kind: 'crashed', reason: 'it ended before it had answered' };
}

const NothingToServe = z.object({ error: z.string(), message: z.string() });

/** Returns what a player said before it ended. One without a function to serve says why in JSON, on its last line. */
function messageOf(said: Said): Said {
  const last = said.stderr.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{"error"')) return said;
  try {
    return { ...said, stderr: NothingToServe.parse(JSON.parse(last)).message };
  } catch {
    return said;
  }
}
