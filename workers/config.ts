import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type ModelConfig, readModelConfig } from '../llm/routes.ts';
import { WantedSandbox } from '../sandbox/choose.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

const Environment = z.object({
  CRUCIBLE_HOME: z.string().min(1).default(resolve(project, '.crucible')),
  CRUCIBLE_SANDBOX: WantedSandbox.default('auto'),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s:]+:\d+$/, 'expected host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
});

/** What the environment says, parsed once where a process starts. */
export interface Config {
  /** The folder of the store, of the embedded server's file and of logs. */
  home: string;
  sandbox: WantedSandbox;
  /** A server of the user's own; null: the embedded one. */
  temporalAddress: string | null;
  namespace: string;
  models: ModelConfig;
}

/** Where the server answers: the configured one, or the development server's usual place. */
export const serverAddress = ({ temporalAddress }: Config): string => temporalAddress ?? 'localhost:7233';

/** Reads the configuration. Throws an `Error` that names the variable that is wrong. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = issue?.path.join('.') ?? '';
    throw new Error(`${name}: ${issue?.message}, got ${JSON.stringify(environment[name])}`);
  }
  return {
    home: resolve(parsed.data.CRUCIBLE_HOME),
    sandbox: parsed.data.CRUCIBLE_SANDBOX,
    temporalAddress: parsed.data.TEMPORAL_ADDRESS ?? null,
    namespace: parsed.data.TEMPORAL_NAMESPACE,
    models: readModelConfig(environment),
  };
}
