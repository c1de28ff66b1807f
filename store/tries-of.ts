import type { Told } from '../domain/message.schema.ts';
import type { Ledger } from './ledger.ts';

/**
 * Returns the programs that people brought to a job, in the order they came. Those that were decided on are
 * left out.
 */
export async function triesOf(ledger: Ledger, jobId: string): Promise<Told[]> {
  const told = (await ledger.messages(jobId)).filter(({ message }) => message.kind === 'tryProgram');
  if (told.length === 0) return [];
  const decided = (await ledger.decisions(jobId)).flatMap(({ decision }) =>
    decision.kind === 'human' ? [decision.told] : [],
  );
  return told.filter(({ id }) => !decided.includes(id));
}
