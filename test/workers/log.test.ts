import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ModelUnavailable } from '../../domain/errors.ts';
import { createClean } from '../../workers/clean.ts';
import { createLog, type Log, temporalLogger } from '../../workers/log.ts';

const secret = 'quiet-rabbit-0123456789abcdef'; // looks like no provider's key

function opened({ plain = false, level = 'debug' as 'debug' | 'info' } = {}): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  return { log: createLog({ level, clean: createClean([secret]), plain, to }), lines };
}

describe('secrets', () => {
  it('are taken out of messages, values, names of secrets, errors, their stacks and their causes', () => {
    const { log, lines } = opened();
    const cause = new Error(`401: key ${secret} is not known`);
    const error = new Error(`asked with ${secret}`, { cause: new Error('between', { cause }) });
    log.warn({ error, seen: [`a ${secret} b`, { deep: { deeper: secret } }] }, `it was ${secret}`);
    log.info({ headers: { Authorization: 'Basic abc', 'x-api-key': 'short', accept: 'json' } }, 'sent');
    log.info({ access: { openai: { key: 'abc', apiKey: 'abc', token: 'abc' } } }, 'with %s', secret);
    log.info('sk-proj-0123456789abcdef and Bearer abcdefghijkl and https://me:pass@host/');
    const written = lines.join('');
    expect(written).not.toMatch(/quiet-rabbit|"abc"|Basic abc|short|sk-proj|abcdefghijkl|me:pass/);
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(first.msg).toBe('it was [key]');
    expect(first.error.cause.cause.message).toContain('401: key [key]');
    expect(first.error.stack).toMatch(/Error: asked with \[key\]\n {4}at /);
    expect(first.seen).toEqual(['a [key] b', { deep: { deeper: '[key]' } }]);
    expect(second.headers).toEqual({ Authorization: '[key]', 'x-api-key': '[key]', accept: 'json' });
  });

  it('do not take with them what only resembles their names', () => {
    const { log, lines } = opened();
    const counts = { tokens: 1234, maxTokens: 16_000, step: 'c-1/propose', keyboard: 'us', bytes: 12n };
    log.info(counts, 'counted');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ ...counts, bytes: '12', level: 'info' });
  });

  it('of an error that holds a reply or a request, neither is written', () => {
    const { log, lines } = opened();
    const error = Object.assign(new ModelUnavailable('the stream was cut'), {
      reply: 'def private(): pass',
      request: { body: 'a program of the user' },
    });
    log.warn({ error, chunk: Buffer.from('a program of the user') }, 'failed');
    expect(lines.join('')).not.toMatch(/private|program of/);
    expect(JSON.parse(lines[0] ?? '').error).toMatchObject({
      name: 'ModelUnavailable',
      message: 'the stream was cut',
    });
  });

  it('are not in what a process says that ends by an error nobody caught', async () => {
    const at = (name: string) =>
      JSON.stringify(fileURLToPath(new URL(`../../workers/${name}.ts`, import.meta.url)));
    const code = `
      import { createClean } from ${at('clean')};
      import { endOnCrash } from ${at('log')};
      endOnCrash(createClean([process.env.SECRET]));
      setTimeout(() => Promise.reject(Object.assign(new TypeError('told ' + process.env.SECRET, {
        cause: new Error('and ' + process.env.SECRET),
      }), { config: process.env.SECRET })), 10);
      setTimeout(() => {}, 60_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env: { SECRET: secret },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [status] = await once(child, 'close');
    expect(status).toBe(1);
    expect(said).toMatch(/^TypeError: told \[key\]\n/);
    expect(said).toContain('caused by Error: and [key]');
    expect(said).not.toContain(secret);
  });

  it('cannot keep a line from being written by referring to itself', () => {
    const { log, lines } = opened();
    const round: Record<string, unknown> = { name: secret };
    round.self = round;
    log.info({ round }, 'round');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(secret);
  });
});

it('a line for people has the time, the level, the message, the values, then the stack', () => {
  const { log, lines } = opened({ plain: true });
  const error = new Error(`no ${secret}`, { cause: new RangeError('too far') });
  log.warn({ job: 'optimize/blur/1.1', error }, 'sweeping failed');
  const [line = ''] = lines;
  expect(line).toMatch(
    /^\d\d:\d\d:\d\d warn {2}sweeping failed job=optimize\/blur\/1\.1\nError: no \[key\]\n {4}at /,
  );
  expect(line).toContain('\ncaused by RangeError: too far\n    at ');
});

it("what Temporal's SDK says of itself is detail, its warnings and what activities say are not", () => {
  const { log, lines } = opened({ level: 'info' });
  const temporal = temporalLogger(log);
  temporal.info('Worker state changed', { sdkComponent: 'worker', state: 'RUNNING' });
  temporal.log('DEBUG', 'Activity started', { sdkComponent: 'worker' });
  temporal.warn('No workflows registered, not polling for workflow tasks', { sdkComponent: 'worker' });
  temporal.info('model answered', { sdkComponent: 'activity', job: 'j' });
  temporal.log('WARN', 'Activity failed', { sdkComponent: 'worker', error: new Error(secret) });
  expect(lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg])).toEqual([
    ['info', 'model answered'],
    ['warn', 'Activity failed'],
  ]);
  expect(lines.join('')).not.toContain(secret);
});
