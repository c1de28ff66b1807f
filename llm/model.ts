import type { Usage } from '../domain/usage.ts';
import type { ReplySchema } from './reply-schema.ts';

/** One turn of a conversation. */
export interface Message {
  role: 'user' | 'assistant';
  text: string;
}

export interface ModelRequest<Value = unknown> {
  /** The provider's own name of the model: the part of a route after the first `/`. */
  model: string;
  system: string;
  messages: readonly Message[];
  /** Most tokens the reply may have; where a model reasons, its reasoning counts. */
  maxTokens: number;
  /** Sent where the model takes one, left out elsewhere. */
  temperature?: number | undefined;
  /** Given, the reply is a value of this schema; left out, it is text. */
  schema?: ReplySchema<Value> | undefined;
}

/** Why the model stopped: in our words, and in the provider's. */
export interface Finish {
  unified: 'stop' | 'length' | 'refusal' | 'other';
  raw: string;
}

/** A finished reply; `text` is what came, before parsing. */
export type ModelReply<Value = unknown> = (
  | { kind: 'text'; text: string }
  | { kind: 'value'; text: string; value: Value }
) & {
  /** Null where the server reported none: unknown, not zero. */
  usage: Usage | null;
  /** What the provider itself says the request cost, in millionths of a dollar; null where it does not say. */
  chargedMicroUsd: number | null;
  finish: Finish;
  requestId: string | null;
  /** The model that answered, as the provider names it. */
  model: string;
};

export interface GenerateOptions {
  /** Ends the request within a second; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called with each piece of text as it arrives, to show it. */
  onDelta?: ((text: string) => void) | undefined;
}

/**
 * One provider. A call of `generate` is one physical request: retrying, falling back and paying are the caller's.
 * Whatever goes wrong is thrown as one of the errors of `failure.ts`, each with its `FailureDetails`.
 */
export interface Model {
  readonly provider: string;
  generate<Value>(request: ModelRequest<Value>, options?: GenerateOptions): Promise<ModelReply<Value>>;
}
