import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { median } from '../../domain/speedup.ts';

/** What a host was asked for while something was measured on it. */
export interface HostLoad {
  cores: number;
  /** Programs that ran or stood in line for a processor, in the middle of all looks. */
  wanted: number;
  /** The share of processor time that the host's own host took away. */
  stolen: number;
}

const everyMs = 200;

/** Returns what `act` gives, and what the host was asked for meanwhile; null where the host does not tell. */
export async function underLoad<T>(act: () => Promise<T>): Promise<{ result: T; load: HostLoad | null }> {
  const began = look();
  const seen: number[] = [];
  const timer = setInterval(() => {
    const running = look()?.running;
    // One of them is the process that looks.
    if (running !== undefined) seen.push(Math.max(0, running - 1));
  }, everyMs);
  try {
    return { result: await act(), load: loadSince(began, seen) };
  } finally {
    // Also where a measurement is cancelled: a timer that stays keeps a worker from ending.
    clearInterval(timer);
  }
}

function loadSince(began: Look | null, seen: readonly number[]): HostLoad | null {
  const ended = look();
  if (began === null || ended === null || seen.length === 0) return null;
  const used = ended.used - began.used;
  return {
    cores: availableParallelism(),
    wanted: median(seen),
    stolen: used > 0 ? (ended.stolen - began.stolen) / used : 0,
  };
}

/** Returns the ticks that processors were busy and those that were stolen, and how many programs run or could. */
interface Look {
  used: number;
  stolen: number;
  running: number;
}

function look(): Look | null {
  let text: string;
  try {
    text = readFileSync('/proc/stat', 'utf8');
  } catch {
    return null;
  }
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = (
    /^cpu .*/m.exec(text)?.[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  const running = Number(/^procs_running (\d+)/m.exec(text)?.[1] ?? 0);
  return { used: user + nice + system + irq + softirq + stolen, stolen, running };
}
