import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Usage } from '../../domain/usage.ts';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import { readCatalogue } from '../../llm/catalogue/catalogue.ts';
import { estimateOf, listedPrice, priceOf } from '../../llm/catalogue/prices.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { catalogue } from '../support/model-config.ts';

const at = new Date('2026-11-22T12:00:00Z');
const shipped = catalogue();

const usage = (part: Partial<Usage>): Usage => ({
  ...{ input: 0, cached: 0, written: 0, output: 0, reasoning: 0 },
  ...part,
});

async function priced(models: string): Promise<Catalogue> {
  const home = await temporaryFolder();
  await writeFile(join(home, 'models.yaml'), `models: ${models}`);
  return readCatalogue(home);
}

describe('the price of a request', () => {
  it('is in millionths of a dollar: a million tokens in and out of a model at $4 and $20', () => {
    const opus = 'anthropic/claude-opus-5-5';
    expect(priceOf(shipped, opus, usage({ input: 1e5 }), at)).toBe(400_000);
    expect(priceOf(shipped, opus, usage({ output: 1e5 }), at)).toBe(2_000_000);
    expect(priceOf(shipped, opus, usage({ input: 1, output: 1 }), at)).toBe(24);
  });

  it('counts cached input once, at its own rate: `input` holds it', () => {
    // $4 fresh, $0.20 cached, $5 written, $20 out.
    const mixed = usage({ input: 10_000, cached: 6_000, written: 1_000, output: 500, reasoning: 400 });
    expect(priceOf(shipped, 'anthropic/claude-opus-5-5', mixed, at)).toBe(12_000 + 1_200 + 5_000 + 10_000);
  });

  it('is never negative, nor an error, where a server counts more cached input than input', () => {
    const odd = usage({ input: 100, cached: 500, written: 300 });
    expect(priceOf(shipped, 'anthropic/claude-opus-5-5', odd, at)).toBe(20);
    expect(priceOf(shipped, 'anthropic/claude-haiku-5-5', odd, at)).toBe(10);
  });

  it('is higher for long prompts where the provider asks more for them', () => {
    // The table's tiers, and the catalogue's own.
    for (const [route, most] of [
      ['openai/gpt-6-sol', 272_000],
      ['openai/gpt-6.1-sol', 272_000],
      ['anthropic/claude-haiku-5-5', 100_000],
    ] as const) {
      const below = priceOf(shipped, route, usage({ input: most }), at) ?? 0;
      const above = priceOf(shipped, route, usage({ input: most + 1_000 }), at) ?? 0;
      expect(above / below, route).toBeGreaterThan(1.9);
    }
  });

  it('is unknown, not nothing, for a model or a provider that no table holds', () => {
    for (const route of ['openai/a-model-of-tomorrow', 'litellm/gpt-4o', 'nobody/x'])
      expect(priceOf(shipped, route, usage({ input: 1000, output: 1000 }), at), route).toBeNull();
  });

  it('is unknown where the table has an entry without prices, but for the free ones', () => {
    const some = usage({ input: 1000, output: 1000 });
    expect(priceOf(shipped, 'cerebras/qwen-3-coder-480b', some, at)).toBeNull();
    expect(priceOf(shipped, 'openrouter/meta-llama/llama-3.3-70b-instruct:free', some, at)).toBe(0);
  });

  it('is nothing on own hardware', () => {
    for (const route of ['ollama/llama3:8b', 'vllm/anything', 'llama-cpp/x', 'lmstudio/y'])
      expect(priceOf(shipped, route, usage({ input: 1e6, output: 1e6 }), at), route).toBe(0);
  });

  it('is that of the model where it is asked from inside a sandbox', () => {
    const some = usage({ input: 1000, output: 1000 });
    expect(priceOf(shipped, 'e2b/openai/gpt-4o', some, at)).toBe(priceOf(shipped, 'openai/gpt-4o', some, at));
  });

  it("is the user's where models.yaml has one, also for what has another price or none", async () => {
    const own = await priced(
      '{ openai/gpt-4o: { price: { inputPerMtok: 1, cachedPerMtok: 0.5, outputPerMtok: 3 } }, ollama/x: { price: { inputPerMtok: 7, outputPerMtok: 9 } }, litellm/y: { price: { inputPerMtok: 0, outputPerMtok: 0 } } }',
    );
    expect(priceOf(own, 'openai/gpt-4o', usage({ input: 100, cached: 40, output: 10 }), at)).toBe(
      60 + 20 + 30,
    );
    expect(priceOf(own, 'ollama/x', usage({ input: 1, output: 1 }), at)).toBe(16);
    expect(priceOf(own, 'litellm/y', usage({ input: 1, output: 1 }), at)).toBe(0);
    expect(listedPrice(own, 'openai/gpt-4o', at)).toEqual({
      inputPerMtok: 1,
      outputPerMtok: 3,
      source: 'models.yaml',
    });
  });

  it('is listed with who says so', () => {
    expect(listedPrice(shipped, 'anthropic/claude-opus-5-5', at)).toEqual({
      inputPerMtok: 4,
      outputPerMtok: 20,
      source: 'genai-prices',
    });
    expect(listedPrice(shipped, 'anthropic/claude-haiku-5-5', at)?.source).toBe('catalogue');
    expect(listedPrice(shipped, 'ollama/x', at)?.source).toBe('own hardware');
    expect(listedPrice(shipped, 'openai/a-model-of-tomorrow', at)).toBeNull();
  });

  it('is whole and at least what was used, so that sums of it never fall short', () => {
    const micro = priceOf(
      shipped,
      'openrouter/deepseek/deepseek-v4-flash',
      usage({ input: 7, output: 3 }),
      at,
    );
    expect(Number.isInteger(micro)).toBe(true);
    expect(micro).toBeGreaterThan(0);
  });
});

/** Texts, and the most tokens that the tokenizers of GPT-4 and GPT-4o make of each. */
const counted: [string, number, string][] = [
  [
    'TypeScript',
    62,
    "for (const [index, row] of rows.entries()) {\n  const total = row.cells.reduce((sum, cell) => sum + (cell.value ?? 0), 0);\n  if (total > threshold * 1.5) return { kind: 'found', index, total };\n}\n",
  ],
  [
    'Python',
    68,
    'def pairwise_distance(a, b):\n    out = np.empty((len(a), len(b)), dtype=np.float64)\n    for i in range(len(a)):\n        for j in range(len(b)):\n            out[i, j] = np.sqrt(np.sum((a[i] - b[j]) ** 2))\n    return out\n',
  ],
  [
    'English',
    21,
    'The baseline took 512 milliseconds; a candidate is believed only where every output agrees within the stated tolerance.',
  ],
  ['Chinese', 32, '人工智能正在改变世界，许多程序员使用大型语言模型来编写和优化代码。'],
  ['rare Chinese', 36, '龘靐齉爩鱻麤龗灪吁嚻鼺籱癵纞鸜'],
  ['Hindi', 55, 'यह एक हिंदी वाक्य है जो टोकन की संख्या गिनने के लिए है।'],
  ['emoji', 39, '👩‍👩‍👧‍👦🏳️‍🌈🤖🚀🧪🫠'],
  [
    'base64',
    73,
    '3q2+78r+ur4Bf0VMRgIBAQAAAAAAAAAAAwA+AAEAAADQEAAAAAAAAEAAAAAAAAAAgFkAAAAAAAAAAAAAQAA4AA0AQAAfAB4ABgAAAAQAAABKx9mP4wQz0uVbT8hR2nGk',
  ],
  ['hex', 43, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  ['numbers', 47, '[0.1826171875, 13.69863013, 22.0547945205, 1e-09, 3.14159265358979, 271828, 161803398]'],
];

describe('the estimate of a request', () => {
  const requestOf = (text: string) => ({
    system: '',
    messages: [{ role: 'user' as const, text }],
    maxTokens: 1_000,
  });

  it.each(counted)('is above what tokenizers make of %s, and not far above', (_, tokens, text) => {
    const copies = 100;
    const { tokens: most } = estimateOf(shipped, 'openai/gpt-6-sol', requestOf(text.repeat(copies)));
    const input = most - 1_000;
    expect(input).toBeGreaterThan(tokens * copies * 1.2);
    expect(input).toBeLessThan(tokens * copies * 3.5 + 600);
  });

  it('costs at least what a request with all of it used would, for every model whose price is known', () => {
    const text = 'x = 1\n'.repeat(2_000);
    for (const { route } of shipped.models) {
      const { tokens, microUsd } = estimateOf(shipped, route, requestOf(text), at);
      const all = { input: tokens - 1_000, output: 1_000 };
      for (const used of [
        usage(all),
        usage({ ...all, written: all.input }),
        usage({ ...all, cached: all.input }),
      ]) {
        const cost = priceOf(shipped, route, used, at);
        expect(cost === null, route).toBe(microUsd === null);
        expect(microUsd ?? 0, route).toBeGreaterThanOrEqual(cost ?? 0);
      }
    }
  });

  it('counts the system prompt and every message', () => {
    const short = estimateOf(shipped, 'openai/gpt-4o', requestOf('hello'));
    const long = estimateOf(shipped, 'openai/gpt-4o', {
      ...requestOf('hello'),
      system: 'word '.repeat(500),
      messages: [...requestOf('hello').messages, { role: 'assistant', text: 'word '.repeat(500) }],
    });
    expect(long.tokens - short.tokens).toBeGreaterThanOrEqual(1_000);
  });

  it('has no price where there is none', () => {
    expect(estimateOf(shipped, 'nobody/x', requestOf('hello')).microUsd).toBeNull();
    expect(estimateOf(shipped, 'vllm/x', requestOf('hello')).microUsd).toBe(0);
  });
});
