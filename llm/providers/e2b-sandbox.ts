import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Sandbox } from 'e2b';

/** How E2B is reached, and what its sandboxes are made from. */
export interface E2bAccess {
  /** The value of E2B_API_KEY. */
  key: string;
  template: string;
  /** For another service than E2B's own; left out, E2B_DOMAIN, E2B_API_URL and E2B_SANDBOX_URL are obeyed. */
  apiUrl?: string | undefined;
  sandboxUrl?: string | undefined;
}

/** A sandbox in use by one request. */
export interface Loan {
  sandbox: Sandbox;
  /** To be called once, when the request is over. No further request begins in a sandbox that is not `sound`. */
  giveBack(sound: boolean): void;
}

export interface SharedSandbox {
  /** Throws what E2B's library throws. */
  borrow(): Promise<Loan>;
  /** Ends the sandbox, and with it all requests, for good. */
  close(): Promise<void>;
}

/** A sandbox that nobody prolongs ends by itself after this: that of a worker that died costs no more. */
const LIFE_MS = 300_000;
const PROLONG_MS = 60_000;
/**
 * E2B's smallest plan ends every sandbox after an hour, also during a request. After half of it, no request
 * begins there.
 */
const RETIRED_MS = 1_800_000;
const API_TIMEOUT_MS = 30_000;

interface Held {
  sandbox: Sandbox;
  bornAt: number;
  /** When it ends unless it is prolonged. */
  endsAt: number;
  loans: number;
  /** To be ended as soon as it is not lent. */
  retired: boolean;
}

/**
 * One sandbox serves all requests of this process. It is made for the first one, prolonged while it is used,
 * and replaced when it is old or unsound. Its metadata say whose it is, so that a later process on this host
 * ends what a killed one left.
 */
export function createSharedSandbox({ key: apiKey, template, ...urls }: E2bAccess): SharedSandbox {
  const closing = new AbortController();
  const connection = {
    apiKey,
    ...given(urls),
    retries: 0,
    requestTimeoutMs: API_TIMEOUT_MS,
    signal: closing.signal,
  };
  const all = new Set<Held>();
  let current: Promise<Held> | undefined;

  async function open(): Promise<Held> {
    const { Sandbox } = await import('e2b');
    await sweep();
    const sandbox = await Sandbox.create(template, {
      ...connection,
      metadata: { crucible: 'requests', host: thisHost, pid: `${process.pid}` },
      timeoutMs: LIFE_MS,
      lifecycle: { onTimeout: 'kill' },
    });
    const now = Date.now();
    const held: Held = { sandbox, bornAt: now, endsAt: now + LIFE_MS, loans: 0, retired: false };
    all.add(held);
    return held;
  }

  /** Ends what processes of this host left that are gone, and what this one made without being told so. */
  async function sweep(): Promise<void> {
    const { Sandbox } = await import('e2b');
    const known = new Set([...all].map(({ sandbox }) => sandbox.sandboxId));
    const query = { metadata: { crucible: 'requests', host: thisHost } };
    const pages = Sandbox.list({ ...connection, query });
    while (pages.hasNext)
      for (const { sandboxId, metadata } of await pages.nextItems())
        if (!known.has(sandboxId) && !isAnother(Number(metadata.pid)))
          await Sandbox.kill(sandboxId, connection);
  }

  async function usable(): Promise<Held> {
    for (;;) {
      current ??= open();
      const attempt = current;
      try {
        const held = await attempt;
        if (Date.now() < held.bornAt + RETIRED_MS && (await prolong(held))) return held;
        retire(held);
      } catch (error) {
        if (current === attempt) current = undefined;
        throw error;
      }
    }
  }

  /** Puts off a sandbox's own end where that is near; false where it has come. */
  async function prolong(held: Held): Promise<boolean> {
    if (held.retired) return false;
    if (held.endsAt - Date.now() > LIFE_MS / 2) return true;
    try {
      await held.sandbox.setTimeout(LIFE_MS);
    } catch {
      return false;
    }
    held.endsAt = Date.now() + LIFE_MS;
    return true;
  }

  function retire(held: Held): void {
    if (!held.retired) current = undefined;
    held.retired = true;
    if (held.loans === 0) void end(held);
  }

  async function end(held: Held): Promise<void> {
    all.delete(held);
    // What cannot be ended now ends by itself when its time is over.
    await held.sandbox.kill().catch(() => undefined);
  }

  return {
    async borrow() {
      const held = await usable();
      held.loans += 1;
      const beat = setInterval(() => void prolong(held), PROLONG_MS);
      return {
        sandbox: held.sandbox,
        giveBack(sound) {
          clearInterval(beat);
          held.loans -= 1;
          if (!sound || held.retired) retire(held);
        },
      };
    },

    async close() {
      closing.abort();
      await current?.catch(() => undefined);
      await Promise.all([...all].map(end));
    },
  };
}

/** `urls` without those that are not given, which the library would take for given. */
const given = (urls: object): { apiUrl?: string; sandboxUrl?: string } =>
  Object.fromEntries(Object.entries(urls).filter(([, url]) => url !== undefined));

/** Process numbers mean something within one boot of one host, or container, alone. */
const thisHost = `${hostname()} ${bootId()}`;

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown boot';
  }
}

/** Returns whether a process of this host that is not this one has the number. */
function isAnother(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
