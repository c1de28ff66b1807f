const mark = { waiting: ' ', running: '·', done: '✓', failed: '✗' };

/**
 * Shows steps on standard error: on a terminal one line a step that changes in place, otherwise a line whenever a step says
 * something or ends.
 * @param {NodeJS.WriteStream} out
 */
export function createScreen(out) {
  /** @type {Map<string, { state: keyof typeof mark, note: string, started: number, ended: number | null }>} */
  const steps = new Map();
  let drawn = 0;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const draw = () => {
    const width = (out.columns ?? 80) - 1;
    const lines = [...steps].map(([name, { state, note, started, ended }]) => {
      const seconds = `${(((ended ?? Date.now()) - started) / 1000).toFixed(0)} s`;
      return `${mark[state]} ${name.padEnd(11)} ${seconds.padStart(6)}  ${note}`.slice(0, width);
    });
    out.write(`${drawn ? `\x1b[${drawn}A` : ''}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    drawn = lines.length;
  };

  /**
   * @param {string} name
   * @param {keyof typeof mark} state
   * @param {string} note
   */
  const show = (name, state, note) => {
    const known = steps.get(name) ?? { state, note, started: Date.now(), ended: null };
    const ended = state === 'done' || state === 'failed' ? Date.now() : null;
    steps.set(name, { ...known, state, note, ended });
    if (out.isTTY) {
      timer ??= setInterval(draw, 200).unref();
      draw();
    } else {
      const time = ended ? `, after ${((ended - known.started) / 1000).toFixed(1)} s` : ' …';
      out.write(`${mark[state]} ${name.padEnd(11)} ${note}${time}\n`);
    }
  };

  return {
    /** @param {string} text */
    line: (text) => out.write(`${text}\n`),
    /** @param {string} name @param {string} note */
    running: (name, note) => show(name, 'running', note),
    /** @param {string} name @param {string} note */
    done: (name, note) => show(name, 'done', note),
    /** @param {string} name @param {string} note */
    failed: (name, note) => show(name, 'failed', note),
    /** Stops redrawing. */
    close: () => clearInterval(timer),
  };
}
