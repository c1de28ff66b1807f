import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readEnvFiles } from '../../cli/env-files.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

/** What a `.env` of the current folder makes of `environment`, and what is said of it. */
async function read(
  text: string,
  environment: Record<string, string> = {},
  trusted = false,
): Promise<{ environment: Record<string, string | undefined>; said: string }> {
  const path = join(folder, '.env');
  await writeFile(path, text);
  const changed: Record<string, string | undefined> = { ...environment };
  return { said: readEnvFiles([{ path, trusted }], changed).join('\n'), environment: changed };
}

describe('a .env', () => {
  it.each([
    'NODE_OPTIONS',
    'PATH',
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'PYTHONPATH',
    'PYTHONSTARTUP',
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'DOCKER_HOST',
    'XDG_CACHE_HOME',
    'HOME',
    'E2B_DOMAIN',
    'ANTHROPIC_AUTH_TOKEN',
    'OTEL_EXPORTER_OTLP_CLIENT_KEY',
    'CRUCIBLE_UNTRUSTED_HOME',
    'node_options',
    'LD_API_KEY',
  ])('cannot set %s, not even the project’s own, and that is said', async (name) => {
    for (const trusted of [false, true]) {
      const { environment, said } = await read(`${name}=x\nGROQ_API_KEY=k\n`, {}, trusted);
      expect(environment).toEqual({ GROQ_API_KEY: 'k' });
      expect(said).toContain(`${folder}/.env: not read: ${name} (`);
    }
  });

  it('sets what Crucible reads, where nothing did before', async () => {
    const all =
      'OPENAI_API_KEY=a\nOPENAI_BASE_URL=http://x/v1\nTEMPORAL_ADDRESS=h:1\nCRUCIBLE_LOG=debug\nXAI_API_KEY=';
    const { environment, said } = await read(all, { CRUCIBLE_LOG: 'warn' });
    expect(said).toBe('');
    expect(environment).toEqual({
      OPENAI_API_KEY: 'a',
      OPENAI_BASE_URL: 'http://x/v1',
      TEMPORAL_ADDRESS: 'h:1',
      CRUCIBLE_LOG: 'warn',
      XAI_API_KEY: '',
    });
  });

  it('sends no key elsewhere that it did not bring itself', async () => {
    const stolen = await read('ANTHROPIC_BASE_URL=http://evil\n', { ANTHROPIC_API_KEY: 'mine' });
    expect(stolen.environment).toEqual({ ANTHROPIC_API_KEY: 'mine' });
    expect(stolen.said).toContain('ANTHROPIC_BASE_URL, for its key comes from elsewhere');
    for (const [line, secret] of [
      ['CRUCIBLE_STORE=postgres://evil/x', 'PGPASSWORD'],
      ['CRUCIBLE_BLOBS=s3://evil', 'AWS_SECRET_ACCESS_KEY'],
      ['AWS_ENDPOINT_URL_S3=http://evil', 'AWS_SECRET_ACCESS_KEY'],
    ] as const) {
      const { environment, said } = await read(`${line}\n`, { [secret]: 'mine' });
      expect(environment).toEqual({ [secret]: 'mine' });
      expect(said).toContain('for its key comes from elsewhere');
    }
    const pretended = 'ANTHROPIC_API_KEY=other\nANTHROPIC_BASE_URL=http://evil\n';
    expect((await read(pretended, { ANTHROPIC_API_KEY: 'mine' })).environment).toEqual({
      ANTHROPIC_API_KEY: 'mine',
    });
    const traced = await read('OTEL_EXPORTER_OTLP_ENDPOINT=http://evil\n', {
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=x',
    });
    expect(traced.environment).not.toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT');
    expect((await read('OLLAMA_BASE_URL=http://x\n')).environment).toEqual({ OLLAMA_BASE_URL: 'http://x' });
    const project = join(folder, 'project.env');
    await writeFile(project, 'ANTHROPIC_API_KEY=mine\n');
    await writeFile(join(folder, '.env'), 'ANTHROPIC_BASE_URL=http://evil\n');
    const both: Record<string, string | undefined> = {};
    readEnvFiles(
      [
        { path: join(folder, '.env'), trusted: false },
        { path: project, trusted: true },
      ],
      both,
    );
    expect(both).toEqual({ ANTHROPIC_API_KEY: 'mine' });
    // The project's own is the user's.
    expect((await read('ANTHROPIC_BASE_URL=http://mine\n', { ANTHROPIC_API_KEY: 'mine' }, true)).said).toBe(
      '',
    );
  });

  it('names a home from where it lies, whose models.yaml does not say where keys are sent', async () => {
    const home = join(folder, 'kept');
    const { environment } = await read('CRUCIBLE_HOME=kept\n');
    expect(readConfig(environment).home).toBe(home);
    await mkdir(home);
    await writeFile(join(home, 'models.yaml'), 'providers: { anthropic: { baseUrl: "http://evil" } }\n');
    expect(() => readConfig(environment)).toThrow('its providers say where keys are sent');
    expect(readConfig({ CRUCIBLE_HOME: home }).models.catalogue.providers.length).toBeGreaterThan(0);
    expect((await read('CRUCIBLE_HOME=~/kept\n')).environment.CRUCIBLE_HOME).toBe('~/kept');
  });

  it('of many foreign names says some, and one that cannot be read is told', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `APP_${index}`);
    expect((await read(names.map((name) => `${name}=1`).join('\n'))).said).toMatch(
      /APP_0; .*APP_4 and 4 more/,
    );
    await expect(async () =>
      readEnvFiles([{ path: join(folder, '.env', 'x'), trusted: false }], {}),
    ).rejects.toThrow('expected lines NAME=value: there is a file in the way');
  });
});

it('a command run beside a .env runs none of its code, and sends no key to it', async () => {
  const mark = join(folder, 'mark');
  await writeFile(
    join(folder, 'evil.cjs'),
    `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')\n`,
  );
  await writeFile(
    join(folder, '.env'),
    `NODE_OPTIONS=--require=${folder}/evil.cjs\nOPENAI_BASE_URL=http://127.0.0.1:1/v1\nCRUCIBLE_SANDBOX=none\n`,
  );
  const { error, status } = await crucible(['list'], {
    home: join(folder, 'home'),
    folder,
    env: { OPENAI_API_KEY: 'mine', OPENAI_BASE_URL: undefined, CRUCIBLE_SANDBOX: undefined },
  });
  expect(status).not.toBe(0);
  const [said, refused] = error.trim().split('\n');
  expect(said).toContain('not read: NODE_OPTIONS; OPENAI_BASE_URL, for its key comes from elsewhere (');
  expect(refused).toMatch(/^CRUCIBLE_SANDBOX: .*got "none"/);
});
