import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { facts, toolchain } from '../../setup/toolchain.mjs';

test('what toolchain says is there is there, and found without running anything long', async () => {
  await toolchain();
  const began = performance.now();
  const found = await toolchain();
  expect(performance.now() - began).toBeLessThan(5_000);
  if (found.python)
    expect(execFileSync(join(found.python, 'bin/python3'), ['-c', 'print("up")'], { encoding: 'utf8' })).toBe(
      'up\n',
    );
  if (found.nanobind) expect(readdirSync(found.nanobind).sort()).toEqual(['include', 'libnanobind.a']);
  if (found.image) expect(found.image).toMatch(/^crucible-sandbox:core-[0-9a-f]{12}$/);
});

test('every missing part that is used says what to type', async () => {
  for (const fact of await facts('/')) {
    expect(fact.how === null, `${fact.name}: ${fact.how}`).toBe(!fact.used || fact.found !== null);
  }
});

test('an empty cache is told from a full one, and of a key only its name is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'toolchain-'));
  const script = `import(${JSON.stringify(join(import.meta.dirname, '../../setup/toolchain.mjs'))})
    .then(async (it) => console.log(JSON.stringify([await it.toolchain(), await it.facts('/')])))`;
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: folder,
    XDG_CACHE_HOME: folder,
    OPENAI_API_KEY: 'canary-of-a-key',
  };
  const said = execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
  const [found, list] = JSON.parse(said);
  expect(found).toMatchObject({
    cache: join(folder, 'crucible'),
    supervisor: null,
    python: null,
    nanobind: null,
  });
  expect(list.find((fact: { name: string }) => fact.name === 'model keys').found).toBe('OPENAI_API_KEY');
  expect(said).not.toContain('canary-of-a-key');
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});
