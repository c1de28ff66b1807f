import type { Ledger } from '../../store/ledger.ts';
import type { Pulse } from '../context.ts';

/** The text of a reply that is coming in. */
export interface ReplySoFar {
  add(delta: string): void;
  /** Milliseconds from the request to the first piece; null while none came. */
  firstMs(): number | null;
  /** It is complete, or will never be: nothing of it is shown any more. */
  end(): Promise<void>;
}

const showEveryMs = 500;

/**
 * Shows the text so far to those who watch, now and then. Heartbeats carry its length, and the workflow's
 * history nothing.
 */
export function showReply(
  ledger: Ledger,
  { key, jobId, route }: { key: string; jobId: string; route: string },
  pulse: Pulse,
): ReplySoFar {
  const begun = Date.now();
  let text = '';
  let first: number | null = null;
  let shown = 0;
  let writing: Promise<void> = Promise.resolve();
  return {
    firstMs: () => first,
    add(delta) {
      const now = Date.now();
      first ??= now - begun;
      text += delta;
      pulse.details = { characters: text.length };
      if (now - shown < showEveryMs) return;
      shown = now;
      // A look that fails is no reason to lose the reply.
      writing = ledger.showPartial(key, { jobId, route, text, at: now }).catch(() => undefined);
    },
    async end() {
      await writing;
      if (shown > 0) await ledger.clearPartial(key);
    },
  };
}
