import { expect, it } from 'vitest';
import { z } from 'zod';
import { ModelRateLimited } from '../../domain/errors.ts';
import type { ModelRequest } from '../../llm/model.ts';
import { createScriptedModel } from '../../llm/providers/scripted.ts';

const request: ModelRequest = {
  model: 'any',
  system: '',
  messages: [{ role: 'user', text: 'Hi' }],
  maxTokens: 10,
};
const schema = { name: 's', schema: z.object({ x: z.number() }) };

it('answers from its list in order, remembers what it was asked, and rejects when the list has run out', async () => {
  const model = createScriptedModel([{ text: 'one' }, { value: { x: 2 } }]);
  expect(await model.generate(request)).toMatchObject({ kind: 'text', text: 'one' });
  expect(await model.generate({ ...request, schema })).toMatchObject({ kind: 'value', value: { x: 2 } });
  await expect(model.generate(request)).rejects.toThrow('asked 3 times, but has 2 answers');
  expect(model.requests).toHaveLength(3);
  expect(model.requests[0]).toBe(request);
});

it('answers from a function of the request and its number', async () => {
  const model = createScriptedModel((asked, index) => ({ text: `${asked.messages[0]?.text} ${index}` }));
  await model.generate(request);
  expect((await model.generate(request)).text).toBe('Hi 1');
});

it('judges its own answers as a real model’s: by the schema and by why it stopped', async () => {
  const model = createScriptedModel([
    { value: { x: 'two' } },
    { text: 'not JSON' },
    { text: '{"x": 1}', finish: { unified: 'length', raw: 'max' } },
    { text: '{"x": 1}', finish: { unified: 'refusal', raw: 'no' } },
  ]);
  const names = [];
  for (let index = 0; index < 4; index += 1)
    names.push(await model.generate({ ...request, schema }).catch((error: Error) => error.name));
  expect(names).toEqual(['ModelReplyUnusable', 'ModelReplyUnusable', 'ModelReplyTruncated', 'ModelRefused']);
});

it('throws the error it is given', async () => {
  const error = new ModelRateLimited('slow down');
  await expect(createScriptedModel([{ error }]).generate(request)).rejects.toBe(error);
});

it('waits as it is told, and not after its signal', async () => {
  const model = createScriptedModel(() => ({ text: 'late', delayMs: 200 }));
  const began = performance.now();
  await model.generate(request);
  expect(performance.now() - began).toBeGreaterThan(190);
  const reason = new Error('enough');
  const cancel = new AbortController();
  setTimeout(() => cancel.abort(reason), 20);
  await expect(model.generate(request, { signal: cancel.signal })).rejects.toBe(reason);
});
