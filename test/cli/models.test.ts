import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ModelRow, type ModelTest, models, testModels } from '../../cli/set-up/models.ts';
import type { Store } from '../../store/store.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';
import { recorded } from './kept-jobs.ts';

const { signal } = new AbortController();

async function server(protocol: Parameters<typeof startModelServer>[0]): Promise<ModelServer> {
  const started = await startModelServer(protocol);
  onTestFinished(() => started.close());
  started.answers = [{ kind: 'text', text: '{"word":"ready"}' }];
  return started;
}

async function rowsOf(store: Store, environment: Record<string, string>, all: boolean): Promise<ModelRow[]> {
  const { context, lines } = recorded(store, { json: true });
  await models(context, modelConfig(environment), { all });
  return JSON.parse(lines[0] ?? '');
}

describe('models', () => {
  it('shows the configured ones with their prices, and what the others need', async () => {
    const store = await temporaryStore();
    const { context, lines } = recorded(store, { columns: 160 });
    const config = modelConfig({ ANTHROPIC_API_KEY: 'a-key' });
    await models(context, config, { all: false });
    expect(lines[0]).toMatch(/^model +context +\$ in \/ out +price from +good at$/);
    expect(lines[1]).toMatch(/^anthropic\/claude-opus-5-5 +1\.0M +4 \/ 20 +genai-prices +code/);
    expect(lines.slice(1, -1).every((line) => line.startsWith('anthropic/'))).toBe(true);
    expect(lines.at(-1)).toMatch(/^\d+ more that lack a key: crucible models --all$/);

    lines.length = 0;
    await models(context, config, { all: true });
    expect(lines[1]).toMatch(/^anthropic/);
    expect(lines.find((line) => line.startsWith('groq/openai/gpt-oss-120b'))).toMatch(/GROQ_API_KEY$/);
    expect(lines.join('\n')).not.toContain('a-key');
  });

  it('says what to set where there is none', async () => {
    const { context, lines } = recorded(await temporaryStore());
    await models(context, modelConfig(), { all: false });
    expect(lines[0]).toMatch(
      /^No model is configured: set OPENROUTER_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or another/,
    );
  });

  it('gives everything as JSON, a price that nobody knows as null', async () => {
    const rows = await rowsOf(await temporaryStore(), { TOGETHER_API_KEY: 'x' }, true);
    const [first] = rows;
    expect(first).toMatchObject({
      route: 'together/openai/gpt-oss-120b',
      price: null,
      needs: null,
      stats: null,
    });
    expect(rows.find(({ route }) => route === 'openai/gpt-4o')).toMatchObject({
      needs: 'OPENAI_API_KEY',
      price: { inputPerMtok: 2.5, outputPerMtok: 10, source: 'genai-prices' },
    });
  });
});

it('models of OpenAI are not listed as configured where another server answers in its place', async () => {
  const rows = await rowsOf(await temporaryStore(), { OPENAI_BASE_URL: 'http://localhost:8000/v1' }, true);
  expect(rows.find(({ route }) => route === 'openai/gpt-4o')?.needs).toBe('no OPENAI_BASE_URL');
});

describe('models test', () => {
  it('asks the named models, tells how it went, and puts it on record for `models`', async () => {
    const store = await temporaryStore();
    const [good, bad] = [await server('anthropic'), await server('chat')];
    bad.answers = [{ kind: 'status', status: 503, message: 'out of order' }];
    const config = modelConfig({
      ...{ ANTHROPIC_API_KEY: good.key, ANTHROPIC_BASE_URL: good.baseUrl },
      ...{ VLLM_API_KEY: bad.key, VLLM_BASE_URL: bad.baseUrl },
    });
    const { context, lines } = recorded(store);
    const names = ['claude-3-opus', 'vllm/tiny'];
    expect(await testModels(context, config, { names, signal })).toBe(false);
    expect(lines[1]).toMatch(/^anthropic\/claude-opus-5-5 +ok +\d+ m?s +1290 +\$0\.00/);
    expect(lines[2]).toMatch(/^vllm\/tiny +failed/);
    expect(lines[3]).toMatch(/^ {2}vllm\/tiny: not available.*out of order/);

    const calls = await store.ledger.calls('models-test');
    expect(calls.map(({ route, status }) => [route, status]).sort()).toEqual([
      ['anthropic/claude-opus-5-5', 'done'],
      ['vllm/tiny', 'failed'],
    ]);
    const environment = { ANTHROPIC_API_KEY: 'x', VLLM_BASE_URL: bad.baseUrl };
    const rows = await rowsOf(store, environment, false);
    expect(rows.find(({ route }) => route === 'anthropic/claude-opus-5-5')?.stats).toMatchObject({
      calls: 1,
      failed: 0,
    });
    expect(rows.find(({ route }) => route === 'vllm/tiny')?.stats).toMatchObject({ calls: 1, failed: 1 });
  });

  it('asks every configured model once where none is named, and says so with true', async () => {
    const one = await server('google');
    const config = modelConfig({ GEMINI_API_KEY: one.key, GEMINI_BASE_URL: one.baseUrl });
    const { context, lines } = recorded(await temporaryStore(), { json: true });
    expect(await testModels(context, config, { names: [], signal })).toBe(true);
    const tests: ModelTest[] = JSON.parse(lines[0] ?? '');
    expect(tests.map(({ route }) => route)).toEqual([
      'gemini/gemini-3.8-flash',
      'gemini/gemini-3.1-pro-preview',
      'gemini/gemini-3.5-flash-lite',
    ]);
    expect(one.requests).toHaveLength(3);
    expect(tests.every((test) => test.kind === 'ok' && test.microUsd !== null && test.microUsd > 0)).toBe(
      true,
    );
  });

  it('looks also where the breaker is open, and closes it with an answer', async () => {
    const store = await temporaryStore();
    const one = await server('anthropic');
    const config = modelConfig({ ANTHROPIC_API_KEY: one.key, ANTHROPIC_BASE_URL: one.baseUrl });
    const route = 'anthropic/claude-opus-5-5';
    await store.ledger.noteRoute(route, 'broken');
    const call = { key: 'j#propose', jobId: 'j', route };
    expect((await store.ledger.startCall(call)).kind).toBe('open');
    const { context } = recorded(store);
    expect(await testModels(context, config, { names: [route], signal })).toBe(true);
    expect((await store.ledger.startCall(call)).kind).toBe('started');
  });

  it.each([
    ['gpt-4o', /gpt-4o needs OPENAI_API_KEY, or OPENROUTER_API_KEY/],
    ['no-such-model', /no-such-model: expected provider\/model or a name/],
  ])('refuses %s where it cannot be asked', async (name, message) => {
    const { context } = recorded(await temporaryStore());
    await expect(testModels(context, modelConfig(), { names: [name], signal })).rejects.toThrow(message);
  });

  it('refuses where nothing is configured', async () => {
    const { context } = recorded(await temporaryStore());
    await expect(testModels(context, modelConfig(), { names: [], signal })).rejects.toThrow(
      /no model is configured/,
    );
  });
});

describe('the command', () => {
  it('reads keys from .env in the folder, without overriding what is set, and ends with 1 where a model fails', async () => {
    const folder = await temporaryFolder();
    const one = await server('chat');
    await writeFile(
      join(folder, '.env'),
      `MISSING=1\nVLLM_API_KEY=${one.key}\nVLLM_BASE_URL=http://127.0.0.1:9/v1\n`,
    );
    const args = ['models', 'test', 'vllm/tiny', '--json'];
    const home = join(folder, 'home');
    const good = await crucible(args, {
      home,
      folder,
      env: { VLLM_API_KEY: undefined, VLLM_BASE_URL: one.baseUrl },
    });
    expect(good).toMatchObject({ status: 0, error: expect.stringContaining('.env: not read: MISSING') });
    expect(JSON.parse(good.out)).toMatchObject([{ route: 'vllm/tiny', kind: 'ok' }]);
    const unset = { VLLM_API_KEY: undefined, VLLM_BASE_URL: undefined };
    const refused = await crucible(args, { home, folder, env: unset });
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject([{ kind: 'failed', error: 'ModelUnavailable' }]);
  });

  it('names the file and the field where models.yaml is wrong', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'models.yaml'), 'models: { openai/x: { contxt: 1 } }');
    const said = await crucible(['models'], { home: folder, folder });
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.error).toMatch(/models\.yaml: models: openai\/x: .*contxt/);
    expect(said.error).not.toMatch(/^\s+at /m);
  });
});
