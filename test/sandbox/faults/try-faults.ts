import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SandboxUnavailable } from '../../../domain/errors.ts';
import { chooseSandbox } from '../../../sandbox/choose.ts';
import type { ConductResult, RunResult, Sandbox, SandboxKind } from '../../../sandbox/sandbox.ts';
import { toolchain } from '../../../setup/toolchain.mjs';
import { createFileBlobs } from '../../../store/file-blobs.ts';
import { python, smallLimits } from '../../support/sandbox.ts';

const sources = fileURLToPath(new URL('../../../sandbox/supervisor', import.meta.url));
const faults = fileURLToPath(new URL('.', import.meta.url));

/** A player that gives back what it got. */
const serving = `
import fcntl, mmap, os, socket, struct
exchange = socket.socket(fileno=3)
exchange.send(b'R')
while True:
    request, fds, _, _ = socket.recv_fds(exchange, 1 << 17, 1)
    if not request: break
    given = mmap.mmap(fds[0], 0)[:] if fds else request[16:]
    head = struct.pack('<c7xQQ', b'D', len(given), 0).ljust(64, b'\\0')
    if not fds: exchange.send(head + given)
    else:
        memory = os.memfd_create('answer', os.MFD_ALLOW_SEALING)
        os.write(memory, given)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        socket.send_fds(exchange, [head], [memory])
        for fd in (memory, *fds): os.close(fd)
`;

/** Supervisors that differ in which of their system calls fails, at each place in their source. */
async function buildFaulty(folder: string) {
  const built = join(folder, 'built');
  const flags = `CFLAGS=-O1 -include ${faults}faults.h ${faults}faults.c`;
  await promisify(execFile)('make', ['-s', '-C', sources, `OUT=${built}`, flags]);
  const binary = await readFile(built);
  const mark = 'which-call-fails';
  const at = binary.indexOf(mark) + mark.length;
  /** Puts the one whose call `number` fails at `path`, at once, because another may be running from there. */
  async function place(number: number, path: string): Promise<void> {
    const chosen = Buffer.from(binary);
    chosen.writeInt32LE(number, at);
    await writeFile(`${path}.new`, chosen, { mode: 0o755 });
    await rename(`${path}.new`, path);
  }
  const list = join(folder, 'list');
  await place(-2, list);
  const { stdout } = await promisify(execFile)(list);
  return { place, places: stdout.trim().split('\n') };
}

/** Where a conduct with two players comes by, and a run does not. */
const conducted = /^(conduct|bubblewrap|container|place|init)\.c/;

export interface Tried {
  /** Places whose failing call made a result that differs from the right one, with that result. */
  held: string[];
  /** What was said of each of the others where there was no result. */
  told: Map<string, string>;
}

/** Runs a small program once for every place at which the supervisor makes a system call that `wanted` matches, where it fails. */
export async function tryFaults(kind: SandboxKind, wanted: RegExp): Promise<Tried> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-faults-'));
  const faulty = await buildFaulty(folder);
  const tools = await toolchain();
  const blobs = createFileBlobs(join(folder, 'blobs'));
  const workspace = { given: await blobs.put('given'), 'in/folder': await blobs.put('given') };
  const argv = ['/bin/sh', '-c', 'cat given > out.txt; echo said'];
  const common = { label: 'test', limits: { ...smallLimits, cpuMs: 10_000 } };
  const files = { 'main.py': await blobs.put(serving), 'in/folder': await blobs.put('given') };
  // One that crosses in a message, and one that is too long for it.
  const inputs = [await blobs.put('case'), await blobs.put('case'.repeat(30_000))];
  const never = new AbortController().signal;

  const run = async (sandbox: Sandbox): Promise<RunResult> =>
    sandbox.run({ ...common, key: randomUUID(), argv, workspace, outputs: ['*.txt'] }, never);

  const conduct = async (sandbox: Sandbox): Promise<ConductResult> =>
    sandbox.conduct(
      {
        ...common,
        key: randomUUID(),
        players: [
          { name: 'serving', kind: 'serve', argv: [python, '/players/serving/main.py'], files },
          { name: 'command', kind: 'command', argv, files, workspace, outputs: ['**/*.txt'] },
        ],
        cases: inputs,
        samples: [
          { player: 'serving', cases: [0, 1], timed: true },
          { player: 'command', cases: [], timed: true },
          { player: 'command', cases: [], timed: true },
        ],
        answerMb: 1,
        sampleMs: 10_000,
        exclusive: false,
      },
      never,
    );

  const ended = (result: RunResult | ConductResult): string =>
    JSON.stringify(
      'players' in result
        ? [
            result.players.map(({ ending, error }) => [ending, error]),
            result.samples.map(({ answers, outputs, stdout }) => [answers, outputs, stdout]),
          ]
        : [result.ending, result.stdout.tail, result.stderr.tail, result.outputs, result.refused],
    );

  const held: string[] = [];
  const told = new Map<string, string>();
  const waiting = [...faulty.places.entries()].filter(([, place]) => wanted.test(place)).values();
  const takeTurns = async (lane: number): Promise<void> => {
    const supervisor = join(folder, `supervisor-${lane}`);
    await faulty.place(-1, supervisor);
    const { sandbox } = await chooseSandbox({
      wanted: kind,
      blobs,
      storeId: `${folder}-${lane}`,
      root: join(folder, `sandboxes-${lane}`),
      parts: { ...tools, cache: folder, supervisor },
    });
    const right = { run: ended(await run(sandbox)), conduct: ended(await conduct(sandbox)) };
    for (const [number, place] of waiting) {
      await faulty.place(number, supervisor);
      const plays = conducted.test(place);
      try {
        const result = ended(plays ? await conduct(sandbox) : await run(sandbox));
        if (result !== right[plays ? 'conduct' : 'run']) held.push(`${place}: ${result}`);
      } catch (error) {
        if (!(error instanceof SandboxUnavailable)) throw new Error(`${place}: ${error}`, { cause: error });
        told.set(place, error.message);
      }
    }
    await faulty.place(-1, supervisor);
    await sandbox.sweep({ all: true });
  };
  try {
    await Promise.all([0, 1, 2, 3].map(takeTurns));
    return { held, told };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
