import { setTimeout as wait } from 'node:timers/promises';
import { ModelRequestRejected } from '../../domain/errors.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Finish, Model, ModelRequest } from '../model.ts';
import { type Counterpart, modelFailure } from './failure.ts';
import { settleReply } from './streaming-model.ts';

/** One answer: text, a value (sent as JSON), or an error that is thrown as it is. */
export type ScriptedAnswer = ({ text: string } | { value: unknown } | { error: Error }) & {
  /** Waited before answering. */
  delayMs?: number;
  usage?: Usage;
  chargedMicroUsd?: number;
  finish?: Finish;
};

export interface ScriptedModel extends Model {
  /** What it was asked, in order. */
  readonly requests: readonly ModelRequest[];
}

/**
 * Returns a model for tests that says what it is told to. It gives the answers of a list in their order. Or it
 * gives what a function returns for a request and its number from 0. No route leads to it. A list that has run
 * out rejects the request.
 */
export function createScriptedModel(
  script: readonly ScriptedAnswer[] | ((request: ModelRequest, index: number) => ScriptedAnswer),
): ScriptedModel {
  const requests: ModelRequest[] = [];
  return {
    provider: 'scripted',
    requests,
    async generate(request, { signal, onDelta } = {}) {
      signal?.throwIfAborted();
      const index = requests.push(request) - 1;
      const about: Counterpart = {
        provider: 'scripted',
        model: request.model,
        keyVariable: 'none',
        key: null,
      };
      const answer = typeof script === 'function' ? script(request, index) : script[index];
      if (answer === undefined)
        throw modelFailure(
          ModelRequestRejected,
          about,
          `asked ${index + 1} times, but has ${script.length} answers`,
        );
      if (answer.delayMs !== undefined)
        await wait(answer.delayMs, undefined, signal === undefined ? {} : { signal }).catch(() =>
          signal?.throwIfAborted(),
        );
      if ('error' in answer) throw answer.error;

      const text = 'text' in answer ? answer.text : JSON.stringify(answer.value);
      onDelta?.(text);
      const { usage = null, chargedMicroUsd = null } = answer;
      const { finish = { unified: 'stop', raw: 'scripted' } } = answer;
      const { model } = request;
      const requestId = `scripted-${index}`;
      return settleReply(
        request,
        { text, refusal: '', finish, usage, chargedMicroUsd, requestId, model },
        about,
      );
    },
  };
}
