import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { readJobFile } from '../../cli/start/job-file.ts';
import { stagesFrom } from '../../cli/start/stages-from.ts';
import { stagesOf } from '../../domain/kinds/kinds.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

/** How a field refers to a value of the matrix. */
const of = (name: string): string => `$\{${name}}`;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'a.py'), 'print(1)\n');
});

async function read(text: string) {
  await writeFile(join(folder, 'job.yaml'), text);
  return readJobFile(join(folder, 'job.yaml'));
}
const refusal = (text: string): Promise<string> =>
  read(text).then(
    () => 'it was taken',
    ({ message }: Error) => message,
  );

const shapes = `kind: pipeline
name: shapes
stages:
  - name: volume
    kind: solve
    matrix:
      form: [Sphere, torus]
      n: [16, 32]
    recipe: shape
    with: { shape: sphere, n: "\${n}" }
    outputs: ["\${form}-\${n}.txt"]
  - name: sum
    kind: solve
    needs: [volume]
    script: a.py
`;

it('a stage with a matrix stands for one stage a combination, and who needs it needs them all', async () => {
  const { job } = await read(shapes);
  const stages = stagesOf(job);
  const made = ['volume-sphere-16', 'volume-sphere-32', 'volume-torus-16', 'volume-torus-32'];
  expect(stages.map(({ name }) => name)).toEqual([...made, 'sum']);
  expect(stages[4]?.needs).toEqual(made);
  expect(stages[1]).toMatchObject({ with: { shape: 'sphere', n: 32 } });
  expect(stages[2]).toMatchObject({
    outputs: expect.arrayContaining([{ kind: 'file', path: 'torus-16.txt' }]),
  });
  expect(stages.every((stage) => !('matrix' in stage))).toBe(true);
});

it('what is wrong with a matrix, or behind one, is told where it was written', async () => {
  expect(await refusal(shapes.replace('n: [16, 32]', 'n: []'))).toMatch(
    /^job\.yaml:8: stages\[0\]\.matrix\.n: expected at least one/,
  );
  expect(await refusal(shapes.replace(`"${of('n')}"`, '16').replace(`-${of('n')}`, ''))).toBe(
    `job.yaml:8: stages[0].matrix.n: no field has ${of('n')}, so its values would make the same stage 2 times`,
  );
  expect(await refusal(shapes.replace(`"${of('n')}"`, `"${of('size')}"`))).toBe(
    `job.yaml:4: stages[0]: a field has ${of('size')}, and the matrix has no size; it has form, n`,
  );
  // The last stage is the fifth now, and the second where it was written.
  expect(await refusal(shapes.replace('script: a.py', 'script: gone.py'))).toMatch(
    /^job\.yaml:15: stages\[1\]\.script: gone\.py in .*there is no such file$/,
  );
});

it('a stage is done again with all that need it, near or far', async () => {
  await mkdir(join(folder, 'b'));
  const stage = (name: string, ...needs: string[]) =>
    `  - { name: ${name}, kind: solve, script: a.py, needs: [${needs}] }\n`;
  const { job } = await read(
    `kind: pipeline\nname: a\nstages:\n${stage('late', 'third')}${stage('first')}${stage('second', 'first')}${stage('third', 'second')}${stage('beside', 'first')}`,
  );
  expect(stagesFrom(job, 'second')).toEqual(['late', 'second', 'third']);
  expect(() => stagesFrom(job, 'secnd')).toThrow(
    '--from secnd: there is no such stage (did you mean second?); the stages are late, first, second, third, beside',
  );
  const alone = await read('kind: solve\nname: a\nscript: a.py\n');
  expect(() => stagesFrom(alone.job, 'first')).toThrow('--from first: a has no stages');
});
