import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { ConfigWrong } from '../domain/errors.ts';
import { HttpUrl } from '../domain/http-url.schema.ts';
import { readCatalogue } from '../llm/catalogue/catalogue.ts';
import { type ModelConfig, readModelConfig } from '../llm/catalogue/routes.ts';
import { WantedSandbox } from '../sandbox/sandbox.ts';
import { type Failpoint, failpoints } from '../store/failpoint.ts';
import type { SharedPlaces } from '../store/store.ts';
import { type Clean, createClean } from './clean.ts';
import { type PayloadKey, readPayloadKeys } from './sealed-payloads.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/** An address to answer at. */
const Listening = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, 'expected host:port, as in 127.0.0.1:9464')
  .transform((text) => {
    const [host = '', port] = text.split(':');
    return { host, port: Number(port) };
  })
  .refine(({ port }) => port < 65_536, 'expected a port below 65,536');

const Environment = z.object({
  CRUCIBLE_SANDBOX: WantedSandbox.default('auto'),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s:]+:\d+$/, 'expected host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().optional(),
  CRUCIBLE_PAYLOAD_KEYS: z.string().optional(),
  CRUCIBLE_FAILPOINT: z
    .string()
    .transform((text) => {
      const [at, count] = text.split(':');
      return { at, count: Number(count ?? 1) };
    })
    .pipe(z.object({ at: z.enum(failpoints), count: z.number().int().positive() }))
    .optional(),
  CRUCIBLE_VERSION: z
    .string()
    .regex(/^[\w.-]{1,100}$/, 'expected letters, digits, `.`, `_` and `-`: 1.4.0')
    .optional(),
  CRUCIBLE_METRICS: Listening.optional(),
  CRUCIBLE_HEALTH: Listening.optional(),
  CRUCIBLE_STORE: z
    .string()
    .refine((url) => /^postgres(ql)?:\/\//.test(url) && URL.canParse(url) && !/%(?![0-9a-f]{2})/i.test(url), {
      error:
        'expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, where other characters of a password are written %XX',
    })
    .optional(),
  CRUCIBLE_BLOBS: z
    .string()
    .regex(
      /^(s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w.=/-]*)?|\/.+)$/,
      'expected s3://BUCKET/PREFIX or the path of a folder, from /',
    )
    .optional(),
  // AWS's own; its library reads the credentials itself.
  AWS_ENDPOINT_URL: HttpUrl.optional(),
  AWS_ENDPOINT_URL_S3: HttpUrl.optional(),
  AWS_REGION: z.string().optional(),
  CRUCIBLE_LOG: z.enum(['debug', 'info', 'warn']).default('info'),
  // OpenTelemetry's own; its exporter reads the rest of them.
  OTEL_EXPORTER_OTLP_ENDPOINT: HttpUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: HttpUrl.optional(),
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: z.string().optional(),
});

/** What Temporal's own variables, or its file of profiles, say of a connection. */
export type TemporalAccess = Pick<
  ReturnType<typeof loadClientConnectConfig>['connectionOptions'],
  'tls' | 'apiKey' | 'metadata'
>;

/** What the environment says, parsed once where a process starts. */
export interface Config {
  /** The folder of the store, where it is not shared, of the embedded server's file and of logs. */
  home: string;
  /** Where the ledger and the blobs are that several hosts share; null: in the home. */
  shared: SharedPlaces | null;
  sandbox: WantedSandbox;
  /** A server of the user's own; null: the embedded one. */
  temporalAddress: string | null;
  namespace: string;
  /** How that server is spoken to: TLS, certificates, an API key. */
  access: TemporalAccess;
  /** What histories are sealed with; the first seals. None: they are readable. */
  payloadKeys: readonly PayloadKey[];
  models: ModelConfig;
  /** The least a line of a worker's log must matter to be written. */
  log: 'debug' | 'info' | 'warn';
  /** Spans of activities and model requests: nothing, all but prompts and replies, or these too. */
  traces: 'off' | 'metadata' | 'content';
  /** What its workflows are pinned to; null: to nothing. */
  version: string | null;
  /** Where metrics are given to Prometheus, and where health is asked for; null: nowhere. */
  metrics: { host: string; port: number } | null;
  health: { host: string; port: number } | null;
  /** Where this process ends itself, for tests; null: nowhere. */
  failpoint: { at: Failpoint; count: number } | null;
  /** Knows the keys, and takes them out of what is about to be written. */
  clean: Clean;
}

/** Where the server answers: the configured one, or the development server's usual place. */
export const serverAddress = ({ temporalAddress }: Config): string => temporalAddress ?? 'localhost:7233';

/**
 * The folder of the store. `~` is the user's own folder. A relative path begins at the project: wherever a command is run, it is the same folder.
 */
export function readHome({ CRUCIBLE_HOME: named }: Record<string, string | undefined>): string {
  if (!named) return resolve(project, '.crucible');
  return resolve(project, named.replace(/^~(?=\/|$)/, homedir()));
}

/** Reads the configuration; a variable that is set to nothing is not set. Throws `ConfigWrong` naming the variable that is wrong. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(set);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = issue?.path.join('.') ?? '';
    const got = name === 'CRUCIBLE_STORE' ? 'something else' : JSON.stringify(environment[name]);
    throw new ConfigWrong(`${name}: ${issue?.message}, got ${got}`);
  }
  const home = readHome(environment);
  const isUntrusted =
    environment.CRUCIBLE_UNTRUSTED_HOME !== undefined &&
    readHome({ CRUCIBLE_HOME: environment.CRUCIBLE_UNTRUSTED_HOME }) === home;
  const models = readModelConfig(environment, readCatalogue(home, { ownProviders: !isUntrusted }));
  return {
    home,
    shared: sharedIn(parsed.data),
    sandbox: parsed.data.CRUCIBLE_SANDBOX,
    ...serverIn(set),
    payloadKeys: readPayloadKeys(parsed.data.CRUCIBLE_PAYLOAD_KEYS),
    models,
    log: parsed.data.CRUCIBLE_LOG,
    traces: tracesOf(parsed.data),
    version: parsed.data.CRUCIBLE_VERSION ?? null,
    metrics: parsed.data.CRUCIBLE_METRICS ?? null,
    failpoint: failpointIn(parsed.data.CRUCIBLE_FAILPOINT, home),
    health: parsed.data.CRUCIBLE_HEALTH ?? null,
    clean: createClean([
      ...secretsIn(environment),
      ...passwordsIn(parsed.data.CRUCIBLE_STORE),
      ...(parsed.data.CRUCIBLE_PAYLOAD_KEYS ?? '').split(',').map((part) => part.split(':')[1] ?? ''),
      ...keysOf(models),
    ]),
  };
}

/**
 * Reads where the server is, and how it is spoken to, as all of Temporal's tools do: `TEMPORAL_TLS…`, `TEMPORAL_API_KEY`, `TEMPORAL_PROFILE`.
 * The file of profiles is read only where a variable names it, or one of its
 * profiles. The embedded server does not give way to what lies in a folder.
 */
function serverIn(
  environment: Record<string, string | undefined>,
): Pick<Config, 'temporalAddress' | 'namespace' | 'access'> {
  const variables = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const disableFile =
    variables.TEMPORAL_CONFIG_FILE === undefined && variables.TEMPORAL_PROFILE === undefined;
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
      ...{ overrideEnvVars: variables, disableFile, configFileStrict: true },
    });
    const { address, tls, apiKey, metadata } = connectionOptions;
    if (address === undefined) return { temporalAddress: null, namespace, access: {} };
    const given = { tls, apiKey, metadata };
    const access = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return { temporalAddress: address, namespace, access };
  } catch (error) {
    throw new ConfigWrong(
      `Temporal's variables (TEMPORAL_TLS…, TEMPORAL_PROFILE): ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Throws `ConfigWrong` where only one of the two is named: what one host keeps, no other one finds. */
function sharedIn(read: z.infer<typeof Environment>): SharedPlaces | null {
  const { CRUCIBLE_STORE: ledger, CRUCIBLE_BLOBS: blobs } = read;
  if (ledger === undefined && blobs === undefined) return null;
  if (ledger === undefined || blobs === undefined)
    throw new ConfigWrong(
      `${ledger === undefined ? 'CRUCIBLE_STORE' : 'CRUCIBLE_BLOBS'}: expected it to be set as its pair is: CRUCIBLE_STORE=postgres://… and CRUCIBLE_BLOBS=s3://BUCKET/PREFIX, or a folder that all hosts see`,
    );
  if (blobs.startsWith('/')) return { ledger, blobs: { folder: blobs } };
  const endpoint = read.AWS_ENDPOINT_URL_S3 ?? read.AWS_ENDPOINT_URL ?? null;
  return { ledger, blobs: { url: blobs, endpoint, region: read.AWS_REGION ?? null } };
}

/** As it stands in the URL, and as it is. */
function passwordsIn(url: string | undefined): string[] {
  const { password } = new URL(url ?? 'postgres://');
  return [password, decodeURIComponent(password)];
}

/** Throws `ConfigWrong` for a store that a user may have: what ends itself on purpose is for tests alone. */
function failpointIn(read: Config['failpoint'] | undefined, home: string): Config['failpoint'] {
  if (!read) return null;
  if (!home.startsWith(join(tmpdir(), '/')))
    throw new ConfigWrong(
      `CRUCIBLE_FAILPOINT ends a worker on purpose, for tests: expected CRUCIBLE_HOME below ${tmpdir()}, got ${home}`,
    );
  return read;
}

function tracesOf(read: z.infer<typeof Environment>): Config['traces'] {
  const endpoint = read.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || read.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || read.OTEL_SDK_DISABLED === 'true') return 'off';
  return read.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT === 'true' ? 'content' : 'metadata';
}

const secretsIn = (environment: Record<string, string | undefined>): string[] =>
  Object.entries(environment)
    .filter(([name]) => /(KEY|TOKEN|SECRET|PASSWORD)$/i.test(name))
    .map(([, value]) => value?.trim() ?? '');

const keysOf = ({ access }: ModelConfig): string[] =>
  Object.values(access).flatMap(({ key }) => (key === null ? [] : [key]));
