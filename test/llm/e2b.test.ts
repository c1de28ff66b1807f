import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Sandbox } from 'e2b';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Model, ModelRequest } from '../../llm/model.ts';
import { createAnthropicModel } from '../../llm/providers/anthropic.ts';
import { closeE2bSandboxes, createE2bModel } from '../../llm/providers/e2b.ts';
import { asModelFailure, type ModelFailure } from '../../llm/providers/failure.ts';
import { createGoogleModel } from '../../llm/providers/google.ts';
import { createOpenAiModel } from '../../llm/providers/openai.ts';
import { createOpenRouterModel } from '../../llm/providers/openrouter.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { type E2bServer, startE2bServer } from '../support/e2b-server.ts';
import { type ModelServer, type Protocol, protocols, startModelServer } from '../support/model-servers.ts';

vi.setConfig({ testTimeout: 30_000 });

const { bwrap } = await toolchain();
if (bwrap === null && process.env.CI) throw new Error('E2B cannot be tested without bubblewrap');
if (bwrap === null) console.warn('E2B is not tested: no bubblewrap');

const adapters: Record<Protocol, typeof createAnthropicModel> = {
  chat: (options) => createOpenAiModel({ ...options, protocol: 'chat' }),
  responses: (options) => createOpenAiModel({ ...options, protocol: 'responses' }),
  openrouter: createOpenRouterModel,
  anthropic: createAnthropicModel,
  google: createGoogleModel,
};

const question: ModelRequest = {
  model: 'somebody/gpt-4.1-or-so',
  system: 'You are brief.',
  messages: [{ role: 'user', text: 'What is ünïcödé?' }],
  maxTokens: 500,
};

let e2b: E2bServer;
beforeEach(async ({ skip }) => {
  if (bwrap === null) skip();
  e2b = await startE2bServer();
});
afterEach(async () => {
  await closeE2bSandboxes();
  await e2b?.close();
});

interface Wish {
  e2bKey?: string;
  template?: string;
  key?: string;
}

const connect = (server: ModelServer, wish: Wish = {}): Model => {
  const { e2bKey = e2b.key, template = 'base', key = server.key } = wish;
  return createE2bModel({
    service: { key: e2bKey, template, apiUrl: e2b.url, sandboxUrl: e2b.url },
    key,
    inner: (send) =>
      adapters[server.protocol]({
        key,
        baseUrl: server.baseUrl,
        fetch: send,
        deadlines: { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 120_000 },
      }),
  });
};

const failureOf = async (reply: Promise<unknown>): Promise<ModelFailure> => {
  const thrown = await reply.then(
    () => undefined,
    (error: unknown) => error,
  );
  const failure = asModelFailure(thrown);
  if (failure === undefined) throw new Error(`expected a failure of a model, got ${thrown}`);
  return failure;
};

describe.each(protocols)('a request by the %s protocol from inside a sandbox', (protocol) => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await startModelServer(protocol);
  });
  afterAll(() => server.close());

  it('comes to what it would come to from outside', async () => {
    const text = 'A way to write “every” letter 🧪, in more pieces than one.';
    server.answers = [{ kind: 'text', text, pieceMs: 20 }];
    const pieces: string[] = [];
    const times: number[] = [];
    const reply = await connect(server).generate(question, {
      onDelta(piece) {
        pieces.push(piece);
        times.push(performance.now());
      },
    });
    expect(reply).toMatchObject({ kind: 'text', text, usage: server.usage, finish: { unified: 'stop' } });
    expect(reply.chargedMicroUsd).toBe(server.chargedMicroUsd);
    expect(pieces.join('')).toBe(text);
    // It is seen while it happens.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(50);
    expect(server.requests.at(-1)?.asked?.model).toBe('gpt-4.1-or-so');
    expect(e2b.started).toHaveLength(1);
  });

  it.each([
    [{ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 'ModelRateLimited'],
    [{ kind: 'status', status: 503 }, 'ModelUnavailable'],
    [{ kind: 'reset' }, 'ModelUnavailable'],
    [{ kind: 'cut' }, 'ModelUnavailable'],
  ] as const)('fails by the provider’s %o as it would from outside', async (answer, name) => {
    server.answers = [answer];
    const failure = await failureOf(connect(server).generate(question));
    expect(failure.name).toBe(name);
    if ('headers' in answer) expect(failure.retryAfterMs).toBe(7_000);
    expect(failure.message).not.toMatch(/^e2b\//);
  });
});

describe('a model by E2B', () => {
  let server: ModelServer;
  beforeEach(async () => {
    server = await startModelServer('anthropic');
  });
  afterEach(() => server.close());

  it('makes one sandbox for many requests, and ends it when closed', async () => {
    const [one, other] = [connect(server), connect(server)];
    await Promise.all([one, other, one, other, one].map((model) => model.generate(question)));
    await one.generate(question);
    expect(server.requests).toHaveLength(6);
    expect(e2b.created).toHaveLength(1);
    expect(e2b.created[0]).toMatchObject({ template: 'base', timeout: 300, envs: {} });
    expect(e2b.running()).toHaveLength(1);
    await closeE2bSandboxes();
    expect(e2b.running()).toEqual([]);
  });

  it('shows the provider’s key to the sandbox alone: to no file, log, command or message', async () => {
    await connect(server).generate(question);
    expect(server.requests).toHaveLength(1);
    const [sandboxId = ''] = e2b.running();
    const left = await readdir(join(e2b.folderOf(sandboxId), 'tmp/crucible'));
    // The request is gone when it has been read.
    expect(left).toEqual([]);
    const wire = e2b.wire.map(({ body }) => body).join('\n');
    expect(wire).toContain('relay.py');
    for (const form of [server.key, Buffer.from(server.key).toString('base64').slice(0, -2)])
      expect(wire).not.toContain(form);
    // What comes from E2B's side of the sandbox knows nothing of this process.
    const { envs } = e2b.started[0] ?? {};
    expect(Object.keys(envs ?? {})).toEqual(['KEY_HALF']);
  });

  it('says a wrong key of the provider as the provider’s, and does not quote it', async () => {
    const failure = await failureOf(connect(server, { key: 'other-rabbit-0123456789' }).generate(question));
    expect(failure.name).toBe('ModelUnauthenticated');
    expect(failure.message).toContain('ANTHROPIC_API_KEY');
    expect(failure.message).not.toContain('rabbit');
  });

  it('says a wrong key of E2B, and does not quote it', async () => {
    const failure = await failureOf(connect(server, { e2bKey: 'hasty-hare-0123456789' }).generate(question));
    expect(failure.name).toBe('ModelUnauthenticated');
    expect(failure.message).toBe(
      'e2b/somebody/gpt-4.1-or-so: E2B_API_KEY was not accepted (401): set it to a valid key',
    );
    expect(server.requests).toEqual([]);
  });

  it('says a template that does not exist', async () => {
    const failure = await failureOf(connect(server, { template: 'none' }).generate(question));
    expect(failure.name).toBe('ModelRequestRejected');
    expect(failure.message).toContain("template 'none' not found");
  });

  it.each([
    ['create', 429, 'ModelRateLimited'],
    ['create', 500, 'ModelUnavailable'],
    ['create', 503, 'ModelUnavailable'],
    ['upload', 500, 'ModelUnavailable'],
    ['upload', 507, 'ModelUnavailable'],
    ['start', 503, 'ModelUnavailable'],
  ] as const)(
    'fails when E2B answers %s with %i, and the next request succeeds',
    async (at, status, name) => {
      e2b.faults.push({ at, kind: 'status', status, headers: { 'retry-after': '1' } });
      const failure = await failureOf(connect(server).generate(question));
      expect(failure.name).toBe(name);
      expect(failure.message).toMatch(/^e2b\/somebody/);
      // Nobody retries but the caller.
      expect(e2b.wire.filter((call) => call.at === at)).toHaveLength(1);
      expect(server.requests).toEqual([]);
      const reply = await connect(server).generate(question);
      expect(reply.text).toBe('Hello.');
    },
  );

  it('finds a sandbox again whose making was never confirmed, and ends it', async () => {
    e2b.faults.push({ at: 'create', kind: 'lostReply' });
    expect((await failureOf(connect(server).generate(question))).name).toBe('ModelUnavailable');
    await vi.waitFor(() => expect(e2b.running()).toHaveLength(1), 60_000);
    const [lost] = e2b.running();
    await connect(server).generate(question);
    expect(e2b.running()).toHaveLength(1);
    expect(e2b.running()).not.toContain(lost);
  });

  it('ends the sandboxes of processes that died, and no other’s', async () => {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const connection = { apiKey: e2b.key, apiUrl: e2b.url, sandboxUrl: e2b.url };
    const leave = async (host: string, pid: number) => {
      const metadata = { crucible: 'requests', host, pid: `${pid}` };
      return (await Sandbox.create('base', { ...connection, metadata })).sandboxId;
    };
    const here = `${hostname()} ${boot.trim()}`;
    const dead = await leave(here, 2 ** 22 + 1);
    const living = await leave(here, process.ppid);
    const elsewhere = await leave('elsewhere', 2 ** 22 + 1);
    await connect(server).generate(question);
    expect(e2b.running()).toEqual(expect.arrayContaining([living, elsewhere]));
    expect(e2b.running()).not.toContain(dead);
  });

  it('fails when the sandbox ends during a reply, and the next request makes a new one', async () => {
    server.answers = [{ kind: 'stall' }];
    const first = failureOf(connect(server).generate(question));
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), 60_000);
    await wait(100);
    await e2b.expire(e2b.running()[0] ?? '');
    const failure = await first;
    expect(failure.name).toBe('ModelUnavailable');
    expect(failure.message).toMatch(/^e2b\/somebody.*end of life/);
    server.answers = [{ kind: 'text', text: 'Again.' }];
    expect((await connect(server).generate(question)).text).toBe('Again.');
  });

  it('fails when the sandbox has ended before the request', async () => {
    await connect(server).generate(question);
    // A sandbox that ends while a request is still being cleared away is replaced before the next one: nothing fails then.
    await Promise.all(e2b.started.map(({ ended }) => ended));
    await wait(1_000);
    await Promise.all(e2b.running().map((id) => e2b.expire(id)));
    expect((await failureOf(connect(server).generate(question))).name).toBe('ModelUnavailable');
    expect((await connect(server).generate(question)).text).toBe('Hello.');
  });

  it.each(['silent', 'stall'] as const)(
    'ends a request that is %s, at once when it is aborted',
    async (kind) => {
      server.answers = [{ kind }];
      const caller = new AbortController();
      const reply = connect(server).generate(question, { signal: caller.signal });
      await vi.waitFor(() => expect(server.requests).toHaveLength(1), 60_000);
      await wait(100);
      const start = performance.now();
      caller.abort(new Error('enough'));
      await expect(reply).rejects.toThrow('enough');
      await e2b.started[0]?.ended;
      await server.requests[0]?.abandoned;
      expect(performance.now() - start).toBeLessThan(15_000);
      // The sandbox is as good as before.
      server.answers = [{ kind: 'text', text: 'Next.' }];
      expect((await connect(server).generate(question)).text).toBe('Next.');
      expect(e2b.created).toHaveLength(1);
    },
  );

  it.each(['create', 'upload', 'start'] as const)(
    'obeys an abort while E2B does not answer %s',
    async (at) => {
      e2b.faults.push({ at, kind: 'hang' });
      const caller = new AbortController();
      const reply = connect(server).generate(question, { signal: caller.signal });
      await vi.waitFor(() => expect(e2b.wire.some((call) => call.at === at)).toBe(true), 60_000);
      caller.abort(new Error('enough'));
      await expect(reply).rejects.toThrow('enough');
      expect(server.requests).toEqual([]);
    },
  );

  it('fails in the words of the network when nobody listens at the provider’s address', async () => {
    const gone = await startModelServer('anthropic');
    await gone.close();
    const failure = await failureOf(connect(gone).generate(question));
    expect(failure.name).toBe('ModelUnavailable');
    expect(failure.message).toContain('refused');
  });

  it('leaves a reply that never ends after the model has said that it has', async () => {
    server.answers = [{ kind: 'lingers', text: 'Done.' }];
    expect((await connect(server).generate(question)).text).toBe('Done.');
    expect(await e2b.started[0]?.ended).not.toBe(0);
  });
});
