import { describe, expect, it } from 'vitest';
import { createModel, explainNoRoute, parseRoute, readModelConfig, routesFor } from '../../llm/routes.ts';
import { startModelServer } from '../support/model-servers.ts';

const both = { OPENAI_API_KEY: 'sk-1', ANTHROPIC_API_KEY: 'sk-ant-1' };

describe('routes', () => {
  it('are none where nothing is configured, and one line says what to set', () => {
    const config = readModelConfig({ OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '  ', PATH: '/bin' });
    expect(routesFor('improve', {}, config)).toEqual([]);
    expect(explainNoRoute({}, config)).toMatch(
      /^no model configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY.*$/,
    );
  });

  it('lead to every configured provider, the default one first', () => {
    const providersOf = (environment: Record<string, string>) =>
      routesFor('debug', {}, readModelConfig(environment)).map((route) => parseRoute(route).provider);
    expect(providersOf(both)).toEqual(['anthropic', 'openai']);
    expect(providersOf({ ...both, DEFAULT_LLM_PROVIDER: 'openai' })).toEqual(['openai', 'anthropic']);
    expect(providersOf({ OPENAI_API_KEY: 'sk-1', DEFAULT_LLM_PROVIDER: 'anthropic' })).toEqual(['openai']);
  });

  it('never lead to the scripted model', () => {
    const config = readModelConfig(both);
    expect(routesFor('improve', { improve: ['scripted/any'] }, config)).toEqual([]);
    expect(() => createModel('scripted/any', config)).toThrow(/expected a configured provider/);
    expect(() => readModelConfig({ DEFAULT_LLM_PROVIDER: 'scripted' })).toThrow(/DEFAULT_LLM_PROVIDER/);
  });

  it('are the job’s, in its order, without those nobody can take', () => {
    const config = readModelConfig({ OPENAI_API_KEY: 'sk-1' });
    const improve = ['openai/b', 'anthropic/c', 'openai/a/with/slashes'];
    expect(routesFor('improve', { improve }, config)).toEqual(['openai/b', 'openai/a/with/slashes']);
    expect(routesFor('improve', { improve: ['anthropic/c'] }, config)).toEqual([]);
    expect(explainNoRoute({ improve: ['anthropic/c'] }, config)).toContain('the job names anthropic/c');
  });

  it('show a program to nobody the job does not name, for any role', () => {
    const config = readModelConfig({ ...both, OPENAI_BASE_URL: 'http://localhost:8000/v1' });
    expect(routesFor('debug', { improve: ['openai/local'] }, config)).toEqual(['openai/local']);
  });

  it('name no model for a server whose models are unknown', () => {
    const config = readModelConfig({ OPENAI_BASE_URL: 'http://localhost:8000/v1' });
    expect(config.access.openai).toEqual({ key: null, baseUrl: 'http://localhost:8000/v1' });
    expect(routesFor('improve', {}, config)).toEqual([]);
    expect(explainNoRoute({}, config)).toContain('openai/NAME');
  });

  it('say which variable is wrong, and not what it holds', () => {
    const read = () => readModelConfig({ OPENAI_BASE_URL: 'sk-pasted-in-the-wrong-place' });
    expect(read).toThrow(/OPENAI_BASE_URL.*http/);
    expect(read).not.toThrow(/pasted/);
  });

  it('must be a provider and a model', () => {
    expect(parseRoute('openai/org/model')).toEqual({ provider: 'openai', model: 'org/model' });
    for (const route of ['openai', '/model', 'openai/'])
      expect(() => parseRoute(route)).toThrow(/provider\/model/);
  });

  it('give a model that asks the configured server, in the protocol such servers speak', async () => {
    const server = await startModelServer('chat');
    try {
      const config = readModelConfig({ OPENAI_API_KEY: server.key, OPENAI_BASE_URL: server.baseUrl });
      const request = {
        model: 'local',
        system: '',
        messages: [{ role: 'user', text: 'Hi' }],
        maxTokens: 9,
      } as const;
      const reply = await createModel('openai/local', config).generate(request);
      expect(reply).toMatchObject({ kind: 'text', text: 'Hello.', model: 'local' });
    } finally {
      await server.close();
    }
  });
});
