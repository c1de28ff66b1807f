import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Collector, startCollector } from '../support/collector.ts';
import { crucible, type Running, type Said, start } from '../support/command.ts';
import { type QuotingServer, startQuotingServer } from '../support/quoting-server.ts';

/** Every variable that holds a secret, each with a value of its own that looks like no key. */
const secrets = Object.fromEntries(
  [
    ...['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY', 'E2B_API_KEY'],
    ...['GROQ_API_KEY', 'AWS_SECRET_ACCESS_KEY', 'GITHUB_TOKEN'],
  ].map((name) => [name, `q${randomBytes(20).toString('hex')}`]),
);
const asked = ['openai', 'anthropic', 'gemini', 'openrouter', 'e2b'];

/** Tells all a program can learn of what is around it: variables, processes, and the small files of folders that could hold a key. */
const spy = `
import glob, json, os

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode("utf8", "replace")
    except OSError as error:
        return str(error)

paths = glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")
for root in ("/work", "/out", "/tmp", "/sandbox", "/home", "/root", "/run", "/etc"):
    for folder, _, names in os.walk(root):
        paths += [os.path.join(folder, name) for name in names]
seen = {"environ": dict(os.environ), "files": {path: read(path) for path in paths}}
print(json.dumps(seen["environ"]))
with open("seen.json", "w") as out:
    json.dump(seen, out)
`;

const spyJob = `
kind: solve
name: spy
script: spy.py
outputs: [{ kind: json, path: seen.json, schema: { type: object, required: [environ, files] } }]
limits: { wallMs: 60000 }
`;

const routes = asked
  .map((provider) => (provider === 'e2b' ? 'e2b/groq/stub' : `${provider}/stub`))
  .join(', ');
const failingJob = `
kind: optimize
name: failing
program: weigh.py
function: weigh
cases: cases.py
strategies: []
models: { draft: [${routes}], debug: [${routes}], improve: [${routes}] }
budget: { trials: 4 }
limits: { wallMs: 60000 }
`;

let folder: string;
let home: string;
let server: QuotingServer;
let collector: Collector;
let env: Record<string, string>;
const said: Said[] = [];
let underWay: Running | undefined;

/** Runs a command with all the secrets in its environment. */
async function run(...args: string[]): Promise<Said> {
  underWay = start(args, { home, folder, env });
  const ended = await underWay.ended;
  said.push(ended);
  return ended;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-canary-'));
  home = join(folder, 'home');
  server = await startQuotingServer();
  collector = await startCollector();
  env = {
    ...secrets,
    OPENAI_BASE_URL: `${server.url}/openai/v1`,
    ANTHROPIC_BASE_URL: `${server.url}/anthropic`,
    GEMINI_BASE_URL: `${server.url}/gemini`,
    OPENROUTER_BASE_URL: `${server.url}/openrouter/v1`,
    E2B_API_URL: `${server.url}/e2b`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
    CRUCIBLE_LOG: 'debug',
  };
  await cp(fileURLToPath(new URL('../fixtures/weigh', import.meta.url)), folder, { recursive: true });
  await writeFile(join(folder, 'spy.py'), spy);
  await writeFile(join(folder, 'spy.yaml'), spyJob);
  await writeFile(join(folder, 'failing.yaml'), failingJob);
});

afterAll(async () => {
  // A command that outlived the test's patience.
  underWay?.process.kill('SIGKILL');
  await crucible(['down'], { home, folder, env });
  await collector?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

it('after jobs full of failures that quote the keys, no key is in histories, ledger, files, logs, spans, reports, exports, messages or sandboxes', async () => {
  await run('run', 'spy.yaml');
  await run('run', 'failing.yaml');
  const commands = [
    ['list'],
    ...['spy', 'failing'].flatMap((job) => [
      ['show', job],
      ['logs', job],
      ['watch', job],
      ['report', job, '--out', `${job}.html`],
    ]),
    ['show', 'failing', '--json'],
    ['show', 'failing', 'c-1', '--prompt'],
    ['logs', 'failing', '--json'],
    ['export', 'spy', '--out', 'exported'],
    ['spend', '--by', 'model'],
    ['models', '--all'],
  ];
  for (const command of commands) {
    // Of a job that found nothing `watch` says so by its status.
    const status = command.join(' ') === 'watch failing' ? 3 : 0;
    expect([command, (await run(...command)).status]).toEqual([command, status]);
  }
  await run('doctor');
  const histories = await historiesOf(home);
  await run('down');
  // What is said where the configuration itself is wrong.
  const wrong = { ...env, OPENAI_BASE_URL: secrets.OPENAI_API_KEY ?? '', DEFAULT_LLM_PROVIDER: 'nobody' };
  const refused = await crucible(['list'], { home, folder, env: wrong });
  expect(refused.status).not.toBe(0);

  const files = await filesBelow(folder);
  const found = new Map<string, Buffer>([
    ...files,
    ...histories,
    ['said', Buffer.from(JSON.stringify([...said, refused]))],
    ['spans', Buffer.from(collector.bodies.join('\n'))],
  ]);

  // The attack took place: each provider was shown its key, and quoted it in many ways, where they would be seen.
  for (const provider of asked) {
    const keys = server.keys.get(provider) ?? [];
    expect(new Set(keys)).toEqual(new Set([secrets[`${provider.toUpperCase()}_API_KEY`]]));
    expect(keys.length).toBeGreaterThan(2);
  }
  const everything = [...found.values()].map((bytes) => bytes.toString('latin1')).join('\n');
  expect(everything.split('[key]').length).toBeGreaterThan(20);
  expect(histories.get('history failing')?.toString()).toMatch(/openai\/stub/);
  expect(collector.spans.some((span) => span.attributes['gen_ai.input.messages'] !== undefined)).toBe(true);
  const whole = collector.spans.find((span) => span.name === 'optimize failing');
  const below = collector.spans.filter((span) => span.parentSpanId === whole?.spanId);
  expect(below.map((span) => span.name)).toEqual(expect.arrayContaining(['proposeByModel', 'closeJob']));
  const spied = [...files.values()].filter((bytes) => bytes.includes('"environ": {'));
  expect(spied.length).toBeGreaterThan(0);
  expect(holdersOf(secrets.OPENAI_API_KEY ?? '', new Map([['planted', planted()]]))).toEqual(['planted']);

  for (const [name, secret] of Object.entries(secrets))
    expect([name, holdersOf(secret, found)]).toEqual([name, []]);
}, 250_000);

/** A part of a key in the middle of a base64 text: what a search must find. */
const planted = (): Buffer =>
  Buffer.from(
    JSON.stringify({
      data: Buffer.from(`{"a":"${secrets.OPENAI_API_KEY?.slice(3, 20)}"}`).toString('base64'),
    }),
  );

/** As many of a key's characters in a row are a leak. */
const leak = 12;

/** The names of what holds a part of `secret`, as it is, or in base64 or hexadecimal digits. */
function holdersOf(secret: string, found: ReadonlyMap<string, Buffer>): string[] {
  const parts = Array.from({ length: secret.length - leak + 1 }, (_, from) =>
    secret.slice(from, from + leak),
  );
  return [...found]
    .filter(([, bytes]) => layersOf(bytes).some((layer) => parts.some((part) => layer.includes(part))))
    .map(([name]) => name);
}

const layers = new WeakMap<Buffer, string[]>();

/** Bytes as text, and what its runs of base64 and of hexadecimal digits hold. */
function layersOf(bytes: Buffer): string[] {
  const known = layers.get(bytes);
  if (known !== undefined) return known;
  const text = bytes.toString('latin1');
  const decoded = (runs: RegExp, encoding: 'base64' | 'hex'): string =>
    [...text.matchAll(runs)].map(([run]) => Buffer.from(run, encoding).toString('latin1')).join('\n');
  const made = [
    text,
    decoded(/[A-Za-z0-9+/]{16,}={0,2}/g, 'base64'),
    decoded(/(?:[0-9a-f]{2}){12,}/gi, 'hex'),
  ];
  layers.set(bytes, made);
  return made;
}

/** The histories of all workflows, as JSON, with their payloads in words. */
async function historiesOf(at: string): Promise<Map<string, Buffer>> {
  const { address } = JSON.parse(await readFile(join(at, 'running.json'), 'utf8')) as { address: string };
  const connection = await Connection.connect({ address });
  try {
    const { workflow } = new Client({ connection });
    const read = new Map<string, Buffer>();
    for await (const { workflowId } of workflow.list()) {
      const json = historyToJSON(await workflow.getHandle(workflowId).fetchHistory());
      const [, name = workflowId] = workflowId.split('/');
      read.set(`history ${name}`, Buffer.from(layersOf(Buffer.from(json)).join('\n')));
    }
    return read;
  } finally {
    await connection.close();
  }
}

async function filesBelow(root: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)));
}
