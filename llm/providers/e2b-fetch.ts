import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { CommandHandle, Sandbox } from 'e2b';
import { z } from 'zod';
import type { SharedSandbox } from './e2b-sandbox.ts';

/** E2B or its sandbox is in trouble, and not the provider. The cause is what E2B's library threw. */
export class E2bTrouble extends Error {
  override name = 'E2bTrouble';
}

export interface E2bFetchOptions {
  shared: SharedSandbox;
  /** The provider's, as it stands in the requests' headers; null: none does. */
  key: string | null;
  /** Told every `E2bTrouble`, besides that the request fails with it: libraries wrap what their `fetch` throws. */
  onTrouble: (trouble: E2bTrouble) => void;
}

const program = new URL('./e2b-relay.py', import.meta.url);
/** The program puts the key in its place. */
const PLACEHOLDER = '{{provider-key}}';

/** A line of what the program prints. */
const Line = z.union([
  z.object({ status: z.number().int(), headers: z.array(z.tuple([z.string(), z.string()])) }),
  z.object({ data: z.base64() }),
  z.object({ end: z.literal(true) }),
  z.object({ failed: z.object({ code: z.string(), message: z.string() }) }),
]);
type Line = z.infer<typeof Line>;

/**
 * Returns a `fetch` that sends its requests from inside the shared sandbox, by the program `e2b-relay.py`. It
 * fails as Node's own does where the network in there fails. Where E2B fails it throws `E2bTrouble`, and when
 * aborted the signal's reason.
 */
export const createE2bFetch =
  ({ shared, key, onTrouble }: E2bFetchOptions): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    // The request's own signal only follows this one, and may be collected while nobody else holds it.
    const signal = init?.signal ?? request.signal;
    const parcel = await pack(request, key);
    const trouble = (cause: unknown): E2bTrouble => {
      const made = new E2bTrouble(cause instanceof Error ? cause.message : String(cause), { cause });
      onTrouble(made);
      return made;
    };
    const { sandbox, giveBack } = await shared.borrow().catch((cause) => {
      throw trouble(cause);
    });
    return exchange(sandbox, parcel, signal, trouble, giveBack);
  };

/** A request in two parts, each of which is noise where the key is. */
interface Parcel {
  file: string;
  half: string;
}

/**
 * E2B writes a command's arguments and variables, and what it prints, to the log of the sandbox. Files that it
 * is given are not written there. So the key is in the file, and what makes it readable is in a variable.
 */
async function pack(request: Request, key: string | null): Promise<Parcel> {
  const secret = Buffer.from(key ?? '');
  const half = randomBytes(secret.length);
  const headers = [...request.headers].map(([name, value]) => [
    name,
    key ? value.replaceAll(key, PLACEHOLDER) : value,
  ]);
  const body = Buffer.from(await request.arrayBuffer()).toString('base64');
  const { method, url } = request;
  const other = Buffer.from(secret.map((byte, index) => byte ^ (half[index] ?? 0))).toString('base64');
  return {
    file: JSON.stringify({ method, url, headers, body, key: other }),
    half: half.toString('base64'),
  };
}

/** Starts the program, and makes a response of what it prints. `giveBack` is called when that is over, in whatever way. */
function exchange(
  sandbox: Sandbox,
  parcel: Parcel,
  signal: AbortSignal,
  trouble: (cause: unknown) => E2bTrouble,
  giveBack: (sound: boolean) => void,
): Promise<Response> {
  const head = Promise.withResolvers<Response>();
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  let command: Promise<CommandHandle> | undefined;
  let over = false;

  /** Ends the response, once: with an error where it is incomplete. */
  function finish(error?: unknown): void {
    over = true;
    signal.removeEventListener('abort', abandon);
    if (error === undefined) sink?.close();
    else sink?.error(error);
    // Without effect where there is a response already.
    head.reject(error);
  }
  /** Ends the program; where it cannot be ended alone, it ends with its sandbox. */
  async function stop(): Promise<void> {
    const ended = await command
      ?.then((handle) => handle.kill())
      .then(
        () => true,
        () => false,
      );
    giveBack(ended ?? true);
  }
  function abandon(): void {
    finish(signal.reason);
    void stop();
  }
  function fail(cause: unknown): void {
    if (over) return;
    finish(trouble(cause));
    giveBack(false);
  }
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      sink = controller;
    },
    cancel() {
      sink = undefined;
      finish();
      void stop();
    },
  });
  function take(line: Line): void {
    if (over) return;
    if ('data' in line) sink?.enqueue(Buffer.from(line.data, 'base64'));
    else if ('status' in line) head.resolve(responseOf(line, body));
    else {
      finish('end' in line ? undefined : networkError(line.failed));
      giveBack(true);
    }
  }

  async function run(): Promise<void> {
    // One folder for each request, since several are under way at once.
    const folder = `/tmp/crucible/${randomUUID()}`;
    await sandbox.files.write([
      { path: `${folder}/relay.py`, data: await readFile(program, 'utf8') },
      { path: `${folder}/request.json`, data: parcel.file },
    ]);
    if (over) return;
    command = sandbox.commands.run(`exec python3 -I ${folder}/relay.py ${folder}/request.json`, {
      background: true,
      envs: { KEY_HALF: parcel.half },
      // The caller has deadlines of its own.
      timeoutMs: 0,
      onStdout: byLine((line) => take(Line.parse(JSON.parse(line)))),
    });
    await (await command).wait();
    fail(new Error('the program in the sandbox ended in the middle of the response'));
  }

  if (signal.aborted) abandon();
  else {
    signal.addEventListener('abort', abandon, { once: true });
    run().catch(fail);
  }
  return head.promise;
}

/** Calls `take` with every whole line of the text that comes in pieces. */
function byLine(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  };
}

/** Statuses whose responses have no body, and may not be given one. */
const bodiless = new Set([204, 205, 304]);

function responseOf(
  { status, headers }: Extract<Line, { status: number }>,
  body: ReadableStream<Uint8Array>,
): Response {
  return new Response(bodiless.has(status) ? null : body, { status, headers });
}

/** As Node's own `fetch` reports a network in trouble. */
function networkError({ code, message }: Extract<Line, { failed: object }>['failed']): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}
