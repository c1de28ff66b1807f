import { expect, it } from 'vitest';
import { doctor } from '../../cli/doctor.ts';

it('doctor shows every fact, and is content exactly where nothing that is needed is missing', async () => {
  const run = async (json: boolean): Promise<{ content: boolean; lines: string[] }> => {
    const lines: string[] = [];
    const out = (line: string): void => void lines.push(line);
    return { content: await doctor({ json, out, terminal: false, columns: 80 }), lines };
  };
  const facts: { name: string; how: string | null }[] = JSON.parse((await run(true)).lines.join(''));
  const { content, lines } = await run(false);
  for (const { name, how } of facts) {
    const line = lines.find((each) => each.startsWith(`${name} `)) ?? '';
    expect(line.includes(' missing')).toBe(how !== null);
  }
  expect(facts.map(({ name }) => name)).toContain('sandbox image');
  expect(content).toBe(facts.every(({ how }) => how === null));
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});
