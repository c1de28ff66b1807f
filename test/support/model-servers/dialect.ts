import type { IncomingHttpHeaders } from 'node:http';
import type { Usage } from '../../../domain/usage.ts';

/** A reply that is given to its end. `usage` counts as `Usage` does; each protocol says it in its own way. */
export interface Reply {
  kind: 'text';
  text: string;
  finish?: 'stop' | 'length' | 'refusal' | 'paused';
  usage?: Usage | null;
  /** Pause before each piece, milliseconds. */
  pieceMs?: number;
  /** Characters of a piece; 10 if unset. */
  pieceChars?: number;
}

/** One event of a stream: its name, where the protocol names events, and its payload; or a comment. */
export type Event = { name?: string; payload: unknown } | { comment: string };

/** What a request asks for, whatever the protocol calls it. */
export interface Asked {
  model: string;
  system: string | undefined;
  turns: { role: 'user' | 'assistant'; text: string }[];
  maxTokens: unknown;
  temperature: unknown;
  /** The JSON schema of the reply. */
  schema: unknown;
}

/** What a reply's events have to name. */
export interface About {
  model: string;
  requestId: string;
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of five protocols, each read where it is checked
export type Body = any;

/** A protocol as its service speaks it. */
export interface Dialect {
  /** What follows the server's address in a base URL. */
  basePath: string;
  /** Null where the ID is in the events alone. */
  requestIdHeader: string | null;
  keyHeader: string;
  keyValue(key: string): string;
  /** What is asked. Throws an `Error` with what the real service would object to. */
  read(request: { path: string; headers: IncomingHttpHeaders; body: Body }): Asked;
  errorBody(error: { status: number; code: string; message: string }): unknown;
  /** How a wrong key is answered. */
  wrongKey: { status: number; code: string };
  opening(about: About): Event[];
  piece(text: string, about: About): Event;
  closing(reply: Reply, usage: Usage | null, about: About): Event[];
  /** What follows the last event. */
  sentinel: string;
  streamError(code: string, message: string, about: About): Event;
  /** What a client can know of `usage`. */
  told(usage: Usage): Usage;
  /** What the server says a request cost, in millionths of a dollar. */
  chargedMicroUsd: number | null;
}

export const named = (name: string, payload: object): Event => ({
  name,
  payload: { type: name, ...payload },
});

/** Throws an `Error` with `problem` unless `holds`. */
export function demand(holds: unknown, problem: string): void {
  if (!holds) throw new Error(problem);
}

/** Structured output wants every object closed and every property required. */
export function demandClosed(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const { type, properties, required, additionalProperties } = node as Record<string, unknown>;
  if (type === 'object') {
    demand(additionalProperties === false, 'additionalProperties must be false');
    for (const key of Object.keys(properties as object))
      demand((required as string[]).includes(key), `${key} must be required`);
  }
  for (const child of Object.values(node)) demandClosed(child);
}
