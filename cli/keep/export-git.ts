import { spawn } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { objectiveOf } from '../../domain/objective.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { bestTrial, lastLooks, lineOf, nearestTrial } from '../../domain/trial.ts';
import { type KeptJob, readJob, timesOf } from '../../record/kept-job.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readProgram } from '../../store/documents.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
import type { TrialRecord } from '../../store/ledger/trials.ts';
import { findJob } from '../follow/find-job.ts';
import { isFor } from '../follow/show-prompts.ts';
import { type CommandContext, clean, durationText, oneLine, UserMistake } from '../terminal.ts';
import { refuseToReplace } from './in-the-way.ts';

/** Marks a repository as an export; a program of a job can't write there. */
const marker = '.git/crucible.json';

/**
 * `crucible export JOB --git FOLDER`: writes every candidate's program as a commit of a new git repository. Its
 * parents are those it has in the search. Branches and tags of a pipeline's stages are named `STAGE/…`. Throws
 * `UserMistake` where there is no candidate, or no git.
 */
export async function exportGit(
  { store, json, out }: CommandContext,
  { job: text, git: folder, force }: { job: string; git: string; force: boolean },
): Promise<void> {
  const kept = await readJob(store, await findJob(store, text));
  const owners = [kept, ...kept.stages].filter(({ recorded }) => recorded.length > 0);
  if (owners.length === 0)
    throw new UserMistake(`${kept.record.id} has no candidates yet: there is nothing to commit`);
  const path = resolve(folder);
  await refuseToReplace(path, { marker, force });

  const draft = `${path}.${process.pid}.part`;
  try {
    await git(['init', '--quiet', '--initial-branch=main', draft]);
    const written = await importInto(draft, store.blobs, owners, kept);
    await git(['-C', draft, 'checkout', '--quiet', '--force', written.head]);
    await writeFile(join(draft, marker), JSON.stringify({ job: kept.record.id }));
    if (force) await rm(path, { recursive: true, force: true });
    await rename(draft, path);
    if (json) out(JSON.stringify({ job: kept.record.id, folder: path, ...written }));
    else {
      out(path);
      out(`  ${written.commits} commits; branches ${written.branches.join(', ')}`);
      out(`  tags ${written.tags.join(', ')}`);
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** What a repository was filled with. */
interface ExportedHistory {
  commits: number;
  branches: string[];
  tags: string[];
  /** The branch that is checked out. */
  head: string;
}

async function importInto(
  repository: string,
  blobs: BlobStore,
  owners: readonly KeptJob[],
  top: KeptJob,
): Promise<ExportedHistory> {
  const stream: (string | Buffer)[] = ['feature done\n'];
  const marks = new Map<string, number>();
  const written: ExportedHistory = { commits: 0, branches: [], tags: [], head: 'main' };
  for (const owner of owners) {
    const at = owner === top ? '' : `${owner.record.stage ?? owner.record.name}/`;
    const commits = await commitsOf(owner, at, { blobs, stream, marks });
    written.commits += commits.size;
    const objective = objectiveOf(owner.job);
    const best = bestTrial(owner.trials, objective);
    const reset = (ref: string, candidate: string | undefined): boolean => {
      const mark = candidate === undefined ? undefined : commits.get(candidate);
      if (mark !== undefined) stream.push(`reset refs/${ref}\nfrom :${mark}\n\n`);
      return mark !== undefined;
    };
    const branch = `${at}main`;
    reset(`heads/${branch}`, nearestTrial(owner.trials, objective)?.candidate.id);
    written.branches.push(branch);
    written.head = branch;
    const tags = { best: best?.candidate.id, verified: verifiedIn(best) };
    for (const id of commits.keys()) written.tags.push(`${at}${id}`);
    for (const [name, id] of Object.entries(tags))
      if (reset(`tags/${at}${name}`, id)) written.tags.push(`${at}${name}`);
  }
  stream.push('done\n');
  await git(['-C', repository, 'fast-import', '--quiet', '--done'], stream);
  return written;
}

const verifiedIn = (best: Trial | null): string | undefined =>
  best?.purpose === 'verification' ? best.candidate.id : undefined;

/** What a stream for `git fast-import` is written with: marks are numbers by which it knows blobs and commits. */
interface Import {
  blobs: BlobStore;
  stream: (string | Buffer)[];
  /** Of blobs, by artifact; commits have numbers of their own in the same row. */
  marks: Map<string, number>;
}

/** Adds a commit for each candidate, tagged with its ID below `at`; returns their marks. */
async function commitsOf(kept: KeptJob, at: string, into: Import): Promise<Map<string, number>> {
  const commits = new Map<string, number>();
  const looks = lastLooks(kept.trials);
  const first = Map.groupBy(kept.recorded, ({ trial }) => trial.candidate.id);
  for (const [id, records] of first) {
    const [record] = records;
    const look = looks.find(({ candidate }) => candidate.id === id);
    if (record === undefined || look === undefined) continue;
    const { files } = await readProgram(into.blobs, record.trial.candidate.program);
    const entries: string[] = [];
    for (const [path, artifact] of Object.entries(files))
      if (isForGit(path)) entries.push(`M 100644 :${await blobMark(artifact, into)} ${quoted(path)}\n`);
    const mark = into.marks.size + 1;
    into.marks.set(`${kept.record.id} ${id}`, mark);
    const parents = record.trial.candidate.parents.length === 0 ? ['c-0'] : record.trial.candidate.parents;
    const above = parents.flatMap((parent) => commits.get(parent) ?? []);
    const when = `${Math.floor(record.createdAt / 1_000)} +0000`;
    const message = Buffer.from(messageOf(kept, records, look));
    into.stream.push(
      `commit refs/tags/${at}${id}\nmark :${mark}\ncommitter Crucible <crucible@localhost> ${when}\n`,
      `data ${message.length}\n`,
      message,
      '\n',
      ...above.map((each, index) => `${index === 0 ? 'from' : 'merge'} :${each}\n`),
      'deleteall\n',
      ...entries,
      '\n',
    );
    commits.set(id, mark);
  }
  return commits;
}

async function blobMark(artifact: string, { blobs, stream, marks }: Import): Promise<number> {
  const known = marks.get(artifact);
  if (known !== undefined) return known;
  const mark = marks.size + 1;
  marks.set(artifact, mark);
  const bytes = await blobs.get(artifact);
  stream.push(`blob\nmark :${mark}\ndata ${bytes.length}\n`, bytes, '\n');
  return mark;
}

/**
 * Git keeps its own settings in `.git`, and some file systems know it by other spellings. No program has files
 * there.
 */
const isForGit = (path: string): boolean =>
  path
    .split('/')
    .every((part) => !/^(\.git|git~\d+)[. ]*$/i.test(part.normalize('NFKD').replace(/\p{Cf}/gu, '')));

const quoted = (path: string): string => `"${path.replaceAll('"', '\\"')}"`;

/** What a candidate tried, what came of it, and what it took and cost, the last as trailers. */
function messageOf(kept: KeptJob, records: readonly TrialRecord[], look: Trial): string {
  const { candidate } = look;
  const ms = records.flatMap((record) => Object.values(timesOf(kept, record)));
  const calls = kept.calls.filter(isFor(kept.record.id, candidate.id));
  const trailers = {
    Job: kept.record.id,
    Candidate: candidate.id,
    Operator: candidate.operator,
    ...(candidate.parents.length === 0 ? {} : { Parents: candidate.parents.join(', ') }),
    Outcome: look.outcome.kind,
    Took: durationText(ms.reduce((sum, each) => sum + each, 0)),
    ...(calls.length === 0 ? {} : { Cost: costOf(calls) }),
  };
  return [
    oneLine(lineOf(look, objectiveOf(kept.job))),
    '',
    ...(candidate.note === '' ? [] : [clean(candidate.note), '']),
    ...('reason' in look.outcome ? [clean(look.outcome.reason), ''] : []),
    ...Object.entries(trailers).map(([name, value]) => `${name}: ${oneLine(value)}`),
    '',
  ].join('\n');
}

function costOf(calls: readonly CallRecord[]): string {
  const paid = calls.reduce((sum, { microUsd }) => sum + (microUsd ?? 0), 0);
  const unknown = calls.filter(({ microUsd }) => microUsd === null).length;
  return `$${(paid / 1e6).toFixed(4)}${unknown === 0 ? '' : ` and ${unknown} requests of unknown price`}`;
}

/** Runs git without the user's settings and hooks; what it writes to its input comes from `parts`. Throws `UserMistake` where there is no git. */
async function git(args: readonly string[], parts: readonly (string | Buffer)[] = []): Promise<void> {
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
  };
  const child = spawn('git', ['-c', 'core.symlinks=false', '-c', 'core.hooksPath=/dev/null', ...args], {
    env,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2_000);
  });
  // Where git ends early, how it ended says why.
  child.stdin.on('error', () => undefined);
  const status = new Promise<number | null>((done, failed) => {
    child.once('error', failed).once('close', done);
  });
  for (const part of parts) child.stdin.write(part);
  child.stdin.end();
  const code = await status.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new UserMistake('expected git on the PATH to write a repository with, found none: install git');
  });
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with status ${code}: ${said.trim()}`);
}
