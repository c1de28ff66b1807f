import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { reasonOf } from './mistakes.ts';
import { UserMistake } from './terminal.ts';

type Environment = Record<string, string | undefined>;

/** A file of settings; `trusted` is the project's own, not one of whatever folder a command is run in. */
export interface EnvFile {
  path: string;
  trusted: boolean;
}

/** What a file may set: Crucible's own settings. Nothing that Node, a program or a library would read is among them. */
const own = [
  /^CRUCIBLE_(HOME|SANDBOX|LOG|STORE|BLOBS)$/,
  /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|ENDPOINT_URL(_S3)?)$/,
  /^TEMPORAL_(ADDRESS|NAMESPACE)$/,
  /^(DEFAULT_LLM_PROVIDER|E2B_TEMPLATE)$/,
  // That they end so makes no setting of those of other programs.
  /^(?!(NODE|NPM|LD|PYTHON|GIT|SSL|CURL|AWS|DOCKER)_)[A-Z][A-Z0-9_]*_(API_KEY|BASE_URL)$/,
  /^OTEL_EXPORTER_OTLP_(TRACES_)?(ENDPOINT|HEADERS)$/,
  /^OTEL_(SDK_DISABLED|SERVICE_NAME|RESOURCE_ATTRIBUTES|INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT)$/,
];
/** The variables whose secret is sent to the address that `name` gives. */
function secretsSentTo(name: string): string[] {
  if (name.endsWith('_BASE_URL')) return [name.replace(/_BASE_URL$/, '_API_KEY')];
  if (/^(AWS_ENDPOINT_URL|CRUCIBLE_BLOBS)/.test(name)) return ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
  if (name === 'CRUCIBLE_STORE') return ['PGPASSWORD'];
  return /^OTEL_.*_ENDPOINT$/.test(name)
    ? ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']
    : [];
}

/** Marks a home that a file of the current folder names: its models.yaml may not say where keys are sent. */
export const untrustedHome = 'CRUCIBLE_UNTRUSTED_HOME';

/**
 * Sets in `environment` what the files set and nothing before them did. Only Crucible's own settings are taken.
 * From a file that is not trusted comes no address for a secret that came from elsewhere. Returns what is to be
 * said of what was left out. Throws `UserMistake` where a file cannot be read.
 */
export function readEnvFiles(files: readonly EnvFile[], environment: Environment): string[] {
  const all = files.map(({ path }) => readEnvFile(path));
  return files.flatMap((file, index) => {
    const read = all[index] ?? {};
    /** A secret of this file is one that only this file sets. */
    const isElsewhere = (secret: string): boolean => {
      const value = [environment, read, ...all.slice(index + 1)].find((each) => each[secret] !== undefined)?.[
        secret
      ];
      return value !== undefined && value !== '' && value !== read[secret];
    };
    const left: string[] = [];
    for (const [name, value = ''] of Object.entries(read)) {
      if (environment[name] !== undefined) continue;
      if (!own.some((pattern) => pattern.test(name))) left.push(name);
      else if (!file.trusted && value !== '' && secretsSentTo(name).some(isElsewhere))
        left.push(`${name}, for its key comes from elsewhere`);
      else set(name, value, file, environment);
    }
    return left.length === 0 ? [] : [sentence(file.path, left)];
  });
}

function set(name: string, value: string, { path, trusted }: EnvFile, environment: Environment): void {
  // A path in a file begins at the file.
  const isPath = name === 'CRUCIBLE_HOME' && value !== '' && !value.startsWith('~');
  environment[name] = isPath ? resolve(dirname(path), value) : value;
  if (name === 'CRUCIBLE_HOME' && value !== '' && !trusted) environment[untrustedHome] = environment[name];
}

function readEnvFile(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A folder of that name is a Python environment.
    if (code === 'ENOENT' || code === 'EISDIR') return {};
    throw new UserMistake(`${path}: expected lines NAME=value: ${reasonOf(error)}`, { cause: error });
  }
}

const mostNamed = 5;

function sentence(path: string, left: string[]): string {
  const more = left.length > mostNamed ? ` and ${left.length - mostNamed} more` : '';
  return `${path}: not read: ${left.slice(0, mostNamed).join('; ')}${more} (such a file sets Crucible's own variables; others are yours to set)`;
}
