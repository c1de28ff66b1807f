/** How long a provider may be silent, milliseconds. */
export interface Deadlines {
  /** Before the first piece of text: a model may reason that long without a word. */
  firstTokenMs: number;
  /** Between two pieces, once text has begun. */
  idleMs: number;
  /** For the whole reply. */
  totalMs: number;
}

/** What `models.yaml` may change; the whole of a reply can take no longer. */
export const defaultDeadlines: Deadlines = {
  firstTokenMs: 280_000,
  idleMs: 60_000,
  totalMs: 30 * 60_000,
};

/** The provider said nothing for too long, or did not come to an end. */
export class Silence extends Error {
  override name = 'Silence';
}

/**
 * Runs `work`, which calls `alive` at every sign of life and says whether text has begun. It ends `work` by its
 * signal, and rejects at once even if that does not listen. It rejects with `Silence` when a deadline passed,
 * with the reason of `signal` when the caller gave up.
 */
export async function withinDeadlines<Result>(
  { firstTokenMs, idleMs, totalMs }: Deadlines,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, alive: (textBegan: boolean) => void) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
  });
  const giveUp = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp, { once: true });

  let clock: NodeJS.Timeout | undefined;
  let began = false;
  const alive = (textBegan: boolean): void => {
    began ||= textBegan;
    const ms = began ? idleMs : firstTokenMs;
    const awaited = began ? 'more of the reply' : 'the first token';
    clearTimeout(clock);
    clock = setTimeout(() => stop.abort(new Silence(`expected ${awaited} within ${ms} ms, got nothing`)), ms);
  };

  const whole = setTimeout(
    () => stop.abort(new Silence(`expected the whole reply within ${totalMs} ms, got a part`)),
    totalMs,
  );

  alive(false);
  const result = work(stop.signal, alive);
  try {
    return await Promise.race([result, ended]);
  } finally {
    clearTimeout(clock);
    clearTimeout(whole);
    signal?.removeEventListener('abort', giveUp);
    // Whichever lost the race rejects later, with nobody left to hear it.
    result.catch(() => undefined);
    ended.catch(() => undefined);
  }
}
