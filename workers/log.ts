import type { Logger as TemporalLogger } from '@temporalio/worker';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Clean } from './clean.ts';
import type { Config } from './config.ts';

/** A worker's log. A line is an object, then a message: `log.warn({ error }, 'sweeping failed')`. */
export type Log = Logger;

export interface LogOptions {
  level: Config['log'];
  clean: Clean;
  /** Lines for people instead of JSON. */
  plain: boolean;
  /** Where lines go; standard error by default, written before the call returns, so that a crash loses none. */
  to?: DestinationStream;
}

/** Opens the log of a process, free of secrets. A line is a JSON object: `level`, `time`, `msg`, and what the caller adds. */
export function createLog({ level, clean, plain, to }: LogOptions): Log {
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method) {
          // The same arguments as before, cleaned one by one: a tuple of the same shape.
          method.apply(this, args.map((each) => clean.value(each)) as typeof args);
        },
        ...(plain ? { streamWrite: plainLine } : {}),
      },
    },
    to ?? standardError(),
  );
}

/** On a full disk lines are kept and written later, the newest of them lost: a log ends no worker. */
function standardError(): DestinationStream {
  const to = pino.destination({ fd: 2, sync: true, maxLength: longestKept });
  to.on('error', () => undefined);
  return to;
}

/** Characters of lines that wait for room. */
const longestKept = 2 ** 20;

/** A line of JSON as a person reads it: time, level, message, then the rest as `name=value`, then the stack. */
function plainLine(line: string): string {
  const { time, level, msg, pid, hostname, error, ...rest } = JSON.parse(line);
  const values = Object.entries(rest).map(([name, value]) => `${name}=${shown(value)}`);
  const head = [String(time).slice(11, 19), String(level).padEnd(5), msg, ...values].join(' ');
  const stack = error === undefined ? '' : `\n${stackWithCauses(error)}`;
  return `${head}${stack}\n`;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** A warning of the SDK's for what we mean: a queue has workflows or activities, not both. */
const usual = /^No (workflows|activities) registered/;

/** What Temporal's SDK says, in our log. Its own news is detail; what activities and workflows say keeps its level. */
export function temporalLogger(log: Log): TemporalLogger {
  const at =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta: Record<string, unknown> = {}): void => {
      const { sdkComponent, ...rest } = meta;
      const own = sdkComponent !== 'activity' && sdkComponent !== 'workflow';
      const isDetail = own && (level === 'info' || usual.test(message));
      log[isDetail ? 'debug' : level](rest, message);
    };
  const logger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  return {
    ...logger,
    log: (level, message, meta) => logger[level.toLowerCase() as Lowercase<typeof level>](message, meta),
  };
}

/** Ends the process by `error` as Node would, but with its secrets taken out. */
export function endOnCrash(clean: Clean): void {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${clean.text(stackWithCauses(error))}\n`);
    process.exit(1);
  });
}

/** The stack of an error, or of what `Clean` made of one, and those of its causes. */
function stackWithCauses(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `Error: ${error}`;
  const { stack, cause } = error as { stack?: string; cause?: unknown };
  const own = stack ?? JSON.stringify(error);
  return cause === undefined ? own : `${own}\ncaused by ${stackWithCauses(cause)}`;
}
