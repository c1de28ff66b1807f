import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { doctor } from '../../cli/set-up/doctor.ts';
import { mayMount, smallDisk } from '../store/small-disk.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';

it('doctor shows every fact, and is content exactly where nothing that is needed is missing', async () => {
  const run = async (json: boolean): Promise<{ content: boolean; lines: string[] }> => {
    const lines: string[] = [];
    const out = (line: string): void => void lines.push(line);
    return { content: await doctor({ json, out, terminal: false, columns: 80 }, process.env), lines };
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

const factsOf = async (
  home: string,
): Promise<Record<string, { found: string | null; how: string | null }>> => {
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  const context = { json: true, out, terminal: false, columns: 80 };
  await doctor(context, { ...process.env, CRUCIBLE_HOME: home });
  const facts: { name: string; found: string | null; how: string | null }[] = JSON.parse(lines.join(''));
  return Object.fromEntries(facts.map((fact) => [fact.name, fact]));
};

it('doctor says what is wrong with the settings, and all else with them', async () => {
  const home = await temporaryFolder();
  await writeFile(join(home, 'models.yaml'), 'providers: 3\n');
  const { status, out, error } = await crucible(['doctor', '--json'], { home });
  expect({ status, error }).toEqual({ status: 1, error: '' });
  expect(out).toContain('models.yaml: expected a catalogue of models: providers');
  expect(await factsOf(join(home, 'models.yaml', 'below'))).toMatchObject({
    settings: { found: 'in order' },
  });
  await mkdir(join(home, 'other', 'models.yaml'), { recursive: true });
  expect((await factsOf(join(home, 'other'))).settings?.how).toMatch(/^mend .*EISDIR/);
});

it.runIf(mayMount)('doctor looks at the disk of the home, also where that is not made yet', async () => {
  const disk = await smallDisk(4096);
  for (const home of [disk, join(disk, 'not', 'yet')]) {
    const { disk: fact } = await factsOf(home);
    expect(fact).toMatchObject({ found: null, how: `free some: 0.0 GB are left on the disk of ${home}` });
  }
});
