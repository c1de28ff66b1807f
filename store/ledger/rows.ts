import { ZodError } from 'zod';

/** Hears of what cannot be read. */
export type Warn = (message: string) => void;

/** What `read` makes of a row; undefined where the row cannot be read, which is said once. `what` names the row. */
export type ReadRow = <T>(what: string, read: () => T) => T | undefined;

/**
 * Returns what reads rows that somebody else, or an older version, wrote. A row that cannot be read is left out and told: it stops
 * no command and no job.
 */
export function createReadRow(warn: Warn): ReadRow {
  const said = new Set<string>();
  return (what, read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
      const [issue] = error instanceof ZodError ? error.issues : [];
      const why =
        issue === undefined
          ? error.message
          : [issue.path.join('.'), issue.message].filter(Boolean).join(': ');
      const message = `the ledger's row of ${what} cannot be read and is left out: ${why}`;
      if (!said.has(message)) warn(message);
      said.add(message);
      return undefined;
    }
  };
}
