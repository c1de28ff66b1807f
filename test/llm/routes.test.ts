import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Models } from '../../domain/job-fields.schema.ts';
import { parseRoute } from '../../domain/route.ts';
import { readCatalogue } from '../../llm/catalogue/catalogue.ts';
import { explainNoRoute, lackOf, readModelConfig, routesFor } from '../../llm/catalogue/routes.ts';
import type { ModelRequest } from '../../llm/model.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { modelConfig } from '../support/model-config.ts';
import { type Protocol, startModelServer } from '../support/model-servers.ts';

const both = { OPENAI_API_KEY: 'sk-1', ANTHROPIC_API_KEY: 'sk-ant-1' };
const models = (named: object = {}): Models => Models.parse(named);
const providersOf = (routes: readonly string[]): string[] =>
  routes.map((route) => parseRoute(route).provider);

describe('routes', () => {
  it('are none where nothing is configured, and one line says what to set', () => {
    const config = modelConfig({ OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '  ', PATH: '/bin' });
    expect(routesFor('improve', models(), config)).toEqual([]);
    expect(explainNoRoute(models(), config)).toMatch(
      /^no model configured: set OPENROUTER_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY.*$/,
    );
  });

  it('lead to every configured provider, the default one first', () => {
    const all = {
      ...both,
      ...{ GEMINI_API_KEY: 'AIza', GROQ_API_KEY: 'gsk', OPENROUTER_API_KEY: 'sk-or', E2B_API_KEY: 'e2b' },
    };
    const of = (environment: Record<string, string>) =>
      providersOf(routesFor('debug', models(), modelConfig(environment)));
    expect(of(all)).toEqual(['openrouter', 'anthropic', 'openai', 'gemini', 'groq']);
    expect(of({ ...all, DEFAULT_LLM_PROVIDER: 'google' })[0]).toBe('gemini');
    expect(of({ ...both, DEFAULT_LLM_PROVIDER: 'openai' })).toEqual(['openai', 'anthropic']);
    expect(of({ OPENAI_API_KEY: 'sk-1', DEFAULT_LLM_PROVIDER: 'anthropic' })).toEqual(['openai']);
  });

  it('are chosen by what is asked, the profile and the budget', () => {
    const config = modelConfig({ ANTHROPIC_API_KEY: 'x' });
    const [improve] = routesFor('improve', models(), config);
    const [dev] = routesFor('improve', models({ profile: 'dev' }), config);
    const [best] = routesFor('improve', models({ profile: 'best' }), config);
    expect([improve, dev, best]).toEqual([
      'anthropic/claude-opus-5-5',
      'anthropic/claude-haiku-5-5',
      'anthropic/claude-fable-5-1',
    ]);
    expect(routesFor('improve', models(), config, 0.2)).toEqual([dev]);
    expect(routesFor('improve', models({ complexity: 'high' }), config, 100)).toEqual([best]);
    expect(routesFor('explain', models(), config)).toEqual(['anthropic/claude-sonnet-5-5']);
  });

  it('lead into a sandbox only where the default provider is one', () => {
    const inside = { ...both, E2B_API_KEY: 'e2b', DEFAULT_LLM_PROVIDER: 'e2b' };
    expect(routesFor('improve', models(), modelConfig(inside))).toEqual([
      'e2b/anthropic/claude-opus-5-5',
      'e2b/openai/gpt-6.1-sol',
    ]);
    expect(explainNoRoute(models(), modelConfig({ E2B_API_KEY: 'e2b' }))).toContain(
      'DEFAULT_LLM_PROVIDER=e2b',
    );
  });

  it('never lead to the scripted model', () => {
    const config = modelConfig(both);
    expect(routesFor('improve', models({ improve: ['scripted/any'] }), config)).toEqual([]);
    expect(() => createModel('scripted/any', config)).toThrow(/expected a configured provider/);
    expect(() => modelConfig({ DEFAULT_LLM_PROVIDER: 'scripted' })).toThrow(/DEFAULT_LLM_PROVIDER/);
  });

  it('are the job’s, in its order, without those nobody can take', () => {
    const config = modelConfig({ OPENAI_API_KEY: 'sk-1' });
    const improve = ['openai/b', 'anthropic/c', 'openai/a/with/slashes', 'openai/b'];
    expect(routesFor('improve', models({ improve }), config)).toEqual(['openai/b', 'openai/a/with/slashes']);
    expect(routesFor('improve', models({ improve: ['anthropic/c'] }), config)).toEqual([]);
    expect(explainNoRoute(models({ improve: ['anthropic/c'] }), config)).toBe(
      'no model configured: anthropic/c needs ANTHROPIC_API_KEY',
    );
    expect(routesFor('improve', models({ improve: [] }), config)).toEqual([]);
  });

  it('named in a job by a well-known name lead to the first configured provider that has it', () => {
    const improve = ['claude-3-opus', 'gpt-4o'];
    expect(routesFor('improve', models({ improve }), modelConfig(both))).toEqual([
      'anthropic/claude-opus-5-5',
      'openai/gpt-4o',
    ]);
    expect(routesFor('improve', models({ improve }), modelConfig({ OPENROUTER_API_KEY: 'x' }))).toEqual([
      'openrouter/anthropic/claude-opus-5.5',
      'openrouter/openai/gpt-4o',
    ]);
    expect(explainNoRoute(models({ improve: ['gpt-4o', 'no-such'] }), modelConfig())).toBe(
      'no model configured: gpt-4o needs OPENAI_API_KEY, or OPENROUTER_API_KEY; no-such is no route and no name in the catalogue (see: crucible models --all)',
    );
  });

  it('show a program to nobody the job does not name, for any role', () => {
    const config = modelConfig({ ...both, OPENAI_BASE_URL: 'http://localhost:8000/v1' });
    for (const role of ['plan', 'draft', 'debug', 'improve', 'explain'] as const)
      expect(routesFor(role, models({ improve: ['openai/local'] }), config)).toEqual(['openai/local']);
    expect(routesFor('draft', models({ plan: ['anthropic/x'] }), config)).toEqual(['anthropic/x']);
  });

  it('name no model for a server whose models are unknown', () => {
    const config = modelConfig({ OPENAI_BASE_URL: 'http://localhost:8000/v1' });
    expect(config.access.openai?.key).toBeNull();
    expect(config.access.openai?.baseUrl).toBe('http://localhost:8000/v1');
    expect(routesFor('improve', models(), config)).toEqual([]);
    expect(explainNoRoute(models(), config)).toContain('openai/NAME');
  });

  it('to a server of one’s own need nothing but to be named, and are not taken for granted', () => {
    const config = modelConfig();
    expect(routesFor('improve', models({ improve: ['ollama/qwen3-coder:30b'] }), config)).toEqual([
      'ollama/qwen3-coder:30b',
    ]);
    expect(routesFor('improve', models(), config)).toEqual([]);
  });

  it('into a sandbox need both keys, and no server that it cannot reach', () => {
    const lack = (route: string, environment: Record<string, string>) =>
      lackOf(route, modelConfig(environment));
    expect(lack('e2b/anthropic/claude-opus-5-5', {})).toBe('E2B_API_KEY and ANTHROPIC_API_KEY');
    expect(lack('e2b/anthropic/claude-opus-5-5', { E2B_API_KEY: 'x' })).toBe('ANTHROPIC_API_KEY');
    expect(lack('e2b/anthropic/claude-opus-5-5', { E2B_API_KEY: 'x', ANTHROPIC_API_KEY: 'y' })).toBeNull();
    expect(lack('e2b/ollama/llama3', { E2B_API_KEY: 'x' })).toMatch(/hosted provider/);
    expect(lack('e2b/e2b/x/y', { E2B_API_KEY: 'x' })).not.toBeNull();
    expect(lack('e2b/gpt', { E2B_API_KEY: 'x' })).toMatch(/provider inside/);
  });
});

describe('the configuration', () => {
  it('says which variable is wrong, and not what it holds', () => {
    const read = () => modelConfig({ OPENAI_BASE_URL: 'sk-pasted-in-the-wrong-place' });
    expect(read).toThrow(/OPENAI_BASE_URL.*http/);
    expect(read).not.toThrow(/pasted/);
    expect(() => modelConfig({ DEFAULT_LLM_PROVIDER: 'sk-pasted' })).toThrow(
      /^(?!.*pasted).*DEFAULT_LLM_PROVIDER/,
    );
  });

  it('refuses a key with a hidden character or a line’s end in it, and does not show it', () => {
    for (const key of ['abcd1234\nefgh5678', 'abcd1234\u200b', 'abcd 1234']) {
      expect(() => modelConfig({ OPENAI_API_KEY: key })).toThrow(
        /OPENAI_API_KEY: expected a key of printable/,
      );
      expect(() => modelConfig({ OPENAI_API_KEY: key })).not.toThrow(/abcd/);
    }
  });

  it('shows a key neither as JSON nor in a log', () => {
    const config = modelConfig({
      ANTHROPIC_API_KEY: 'canary-1',
      E2B_API_KEY: 'canary-2',
      GROQ_API_KEY: 'canary-3',
    });
    expect(config.access.groq?.key).toBe('canary-3');
    expect(JSON.stringify(config)).not.toContain('canary');
    expect(inspect(config, { depth: 20, showHidden: true })).not.toContain('canary');
    expect(JSON.stringify({ ...config.access.groq })).not.toContain('canary');
    for (const route of ['nobody/x', 'openai/x', 'e2b/gemini/x'])
      expect(() => createModel(route, config)).toThrow(/^(?!.*canary)/);
  });
});

describe('a model', () => {
  const request: ModelRequest = {
    model: 'a-model',
    system: '',
    messages: [{ role: 'user', text: 'Hi' }],
    maxTokens: 900,
  };

  it.each<[Protocol, string, string]>([
    ['chat', 'openai', 'OPENAI'],
    ['anthropic', 'anthropic', 'ANTHROPIC'],
    ['google', 'gemini', 'GEMINI'],
    ['openrouter', 'openrouter', 'OPENROUTER'],
    ['chat', 'vllm', 'VLLM'],
    ['chat', 'litellm', 'LITELLM'],
  ])('asks the configured %s server as %s', async (protocol, provider, prefix) => {
    const server = await startModelServer(protocol);
    onTestFinished(() => server.close());
    const config = modelConfig({ [`${prefix}_API_KEY`]: server.key, [`${prefix}_BASE_URL`]: server.baseUrl });
    const reply = await createModel(`${provider}/a-model`, config).generate(request);
    expect(reply).toMatchObject({ kind: 'text', text: 'Hello.' });
  });

  it('of a preset is blamed by the provider’s own name, with its own variable', async () => {
    const server = await startModelServer('chat');
    onTestFinished(() => server.close());
    const config = modelConfig({ VLLM_BASE_URL: server.baseUrl });
    const refused = createModel('vllm/a-model', config).generate(request);
    await expect(refused).rejects.toThrow(/^vllm\/a-model: .*VLLM_API_KEY/);
  });

  it('is waited for as long as models.yaml says, of the model before its provider', async () => {
    const server = await startModelServer('chat');
    onTestFinished(() => server.close());
    const home = await mkdtemp(join(tmpdir(), 'crucible-deadlines-'));
    onTestFinished(() => rm(home, { recursive: true }));
    await writeFile(
      join(home, 'models.yaml'),
      'providers: { vllm: { deadlines: { firstTokenMs: 250 } } }\nmodels: { vllm/slow: { deadlines: { firstTokenMs: 350 } } }\n',
    );
    const config = readModelConfig(
      { VLLM_BASE_URL: server.baseUrl, VLLM_API_KEY: server.key },
      readCatalogue(home),
    );
    server.answers = [{ kind: 'mute' }];
    await expect(createModel('vllm/any', config).generate(request)).rejects.toThrow('token within 250 ms');
    await expect(createModel('vllm/slow', config).generate(request)).rejects.toThrow('token within 350 ms');
  });

  it('that lacks a key is refused with the variable to set', () => {
    expect(() => createModel('groq/x', modelConfig(both))).toThrow(/groq\/x: .*GROQ_API_KEY/);
  });
});
