import type { Model } from '../model.ts';
import { createE2bFetch, type E2bTrouble } from './e2b-fetch.ts';
import { createSharedSandbox, type E2bAccess, type SharedSandbox } from './e2b-sandbox.ts';
import {
  asModelFailure,
  type Counterpart,
  explainFailure,
  ProviderFault,
  redact,
  type SoFar,
} from './failure.ts';

export interface E2bModelOptions {
  service: E2bAccess;
  /** The key of the provider that answers. It goes to the sandbox and nowhere else. */
  key: string | null;
  /** Makes that provider's model, whose requests have to go by `send`. */
  inner: (send: typeof fetch) => Model;
}

/**
 * Returns a model whose requests are made inside an E2B sandbox. A request's `model` is the route inside: `anthropic/claude-opus-5-5`.
 * Throws the provider's errors as they are, and those of E2B as errors of `e2b`.
 */
export const createE2bModel = ({ service, key, inner }: E2bModelOptions): Model => ({
  provider: 'e2b',
  async generate(request, options = {}) {
    let trouble: E2bTrouble | undefined;
    const send = createE2bFetch({
      shared: sandboxOf(service),
      key,
      onTrouble(first) {
        trouble ??= first;
      },
    });
    const model = request.model.slice(request.model.indexOf('/') + 1);
    try {
      return await inner(send).generate({ ...request, model }, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (trouble === undefined) throw error;
      const { usage = null, chargedMicroUsd = null, requestId = null } = asModelFailure(error) ?? {};
      const about = { provider: 'e2b', model: request.model, keyVariable: 'E2B_API_KEY', key: service.key };
      throw await explainTrouble(trouble, key, about, { usage, chargedMicroUsd, requestId });
    }
  },
});

/** The sandboxes of this process, which outlive the models made for single requests; by service. */
const shared = new Map<string, SharedSandbox>();

function sandboxOf(service: E2bAccess): SharedSandbox {
  const name = JSON.stringify(service);
  const known = shared.get(name) ?? createSharedSandbox(service);
  shared.set(name, known);
  return known;
}

/** Ends the sandboxes that this process's requests were made in. To be called before it ends; a later request makes a new one. */
export async function closeE2bSandboxes(): Promise<void> {
  const all = [...shared.values()];
  shared.clear();
  await Promise.all(all.map((sandbox) => sandbox.close()));
}

/** Returns what E2B's library threw, as the error of a model. */
async function explainTrouble(
  { cause, message }: E2bTrouble,
  key: string | null,
  about: Counterpart,
  soFar: SoFar,
): Promise<unknown> {
  const { AuthenticationError, CommandExitError, SandboxError, ServiceBusyError } = await import('e2b');
  const said = redact(message, key);
  const fault = (status: number | undefined, words = said) =>
    explainFailure(new ProviderFault(words, { status }), about, soFar);
  if (cause instanceof AuthenticationError) return fault(401);
  if (cause instanceof ServiceBusyError) return fault(cause.statusCode);
  if (cause instanceof CommandExitError) {
    const words = `the relay ended with ${cause.exitCode}: ${redact(cause.stderr, key).slice(-300)}`;
    // The shell's way to say that there is no such program.
    return cause.exitCode === 127
      ? fault(400, `E2B_TEMPLATE must name a template with python3; ${words}`)
      : fault(undefined, words);
  }
  // A sandbox that is gone has no status. A template that does not exist has 404.
  if (cause instanceof SandboxError) return fault(cause.statusCode);
  const explained = explainFailure(cause, about, soFar);
  return explained === cause ? fault(undefined) : explained;
}
