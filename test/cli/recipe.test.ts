import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkedJob, readJobFile } from '../../cli/start/job-file.ts';
import { jobFromRecipe, listRecipes, showRecipe } from '../../cli/start/recipe.ts';

const shape = { shape: 'sphere', n: 64, size: 0.75, tube: 0.3, fill: 'filled', wall: 2 };

/** What a command prints. */
async function printed(command: (context: Parameters<typeof listRecipes>[0]) => Promise<void>, json = false) {
  const lines: string[] = [];
  await command({ json, terminal: false, columns: 200, out: (line) => void lines.push(line) });
  return lines.join('\n');
}

describe('crucible recipe', () => {
  it('lists each recipe with what it makes, and shows what one can be told with its default and its bounds', async () => {
    expect(await printed(listRecipes)).toMatch(/^shape +A sphere, a box or a torus/m);
    expect(JSON.parse(await printed(listRecipes, true))).toContainEqual({
      ...{ name: 'shape', title: expect.stringContaining('voxel grid') },
    });
    const shown = await printed((context) => showRecipe(context, 'shape'));
    expect(shown).toMatch(/n=64 +Voxels along an edge of the grid. A whole number from 8 to 384./);
    expect(shown).toContain('One of sphere, box, torus.');
    const json = await printed((context) => showRecipe(context, 'shape'), true);
    expect(JSON.parse(json)).toMatchObject({ name: 'shape', parameters: { n: { default: 64 } } });
    await expect(printed((context) => showRecipe(context, 'shpe'))).rejects.toThrow(
      'there is no recipe shpe (did you mean shape?); there are shape',
    );
  });

  it('shows units, an example, and what has to be said', async () => {
    const shown = await printed((context) => showRecipe(context, 'voxel.transform'));
    expect(shown).toMatch(/volume=… +The volume that is read/);
    expect(shown).toMatch(/degrees=0,0,0 .* 3 numbers of degrees from -3600 to 3600\./);
    expect(shown).toContain('Run it: crucible recipe run voxel.transform --volume a.bin');
  });

  it('takes what it is told as options, and says in their words what is wrong', async () => {
    const typed = ['--text', 'A B', '--size=32', '--depth', '0.5'];
    const { job } = await jobFromRecipe('voxel.text', { with: ['margin=0'], typed, file: 'out/a.npy' });
    expect(job).toMatchObject({ name: 'voxel-text', recipe: 'voxel.text', inputs: [] });
    expect(job).toMatchObject({
      ...{ with: { text: 'A B', size: 32, depth: 0.5, margin: 0, output: 'a.npy' } },
      outputs: [
        { kind: 'npy', path: 'a.npy', shape: [32, 32, 32] },
        { kind: 'json', path: 'a.npy.json' },
      ],
    });
    const wrong = (...options: string[]) => jobFromRecipe('voxel.transform', { with: [], typed: options });
    await expect(wrong('--degrees', '1,2', '--grow', '--scle=2,2,2')).rejects.toThrow(
      [
        '--volume: expected text; it is missing',
        '--degrees: expected 3 numbers from -3600 to 3600 with commas between them, as in 0,0,0, got "1,2"',
        '--scle: there is no such field (did you mean scale?)',
      ].join('\n'),
    );
    await expect(wrong('a.bin')).rejects.toThrow(
      'a.bin: expected --NAME VALUE with one of volume, axes, crop',
    );
    await expect(wrong('--volume')).rejects.toThrow('--volume: expected a value, got none');
    await expect(wrong('--volume', 'none.bin')).rejects.toThrow('--volume none.bin in ');
  });

  it('packs what a recipe reads, and what stands beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-recipe-'));
    for (const name of ['a.bin', 'a.bin.json', 'b.bin']) await writeFile(join(folder, name), 'x');
    const typed = ['--first', join(folder, 'a.bin'), '--second', join(folder, 'b.bin')];
    const made = await jobFromRecipe('voxel.combine', { with: [], typed });
    expect(made.folder).toBe(await realpath(folder));
    expect(made.files.toSorted()).toEqual(['a.bin', 'a.bin.json', 'b.bin']);
    expect(made.job).toMatchObject({ with: { first: 'a.bin', second: 'b.bin' } });
    const stage = {
      kind: 'solve',
      name: 'c',
      needs: ['b'],
      recipe: 'voxel.mesh',
      with: { volume: 'b/shape.bin' },
    };
    const stages = [{ kind: 'solve', name: 'b', recipe: 'voxel.shapes' }, stage];
    const { files } = await checkedJob({ kind: 'pipeline', name: 'two', stages }, folder);
    expect(files).toEqual([]);
  });

  it('brings the layer that its recipe imports, unless the job names an environment, and checks a picture by its ending', async () => {
    const job = { kind: 'solve', name: 'draw', recipe: 'voxel.render', with: { volume: 'a.bin' } };
    const folder = await mkdtemp(join(tmpdir(), 'crucible-recipe-'));
    await writeFile(join(folder, 'a.bin'), Buffer.alloc(32));
    const made = async (more: object) => (await checkedJob({ ...job, ...more }, folder)).job;
    expect(await made({})).toMatchObject({
      environment: { layer: 'voxel' },
      outputs: [{ kind: 'image', path: 'picture.png', width: 1280, height: 960 }],
    });
    expect(await made({ environment: { requirements: ['pyvista'] } })).toMatchObject({
      environment: { requirements: ['pyvista'] },
    });
    expect(await made({ with: { volume: 'a.bin', output: 'turn.gif' } })).toMatchObject({
      outputs: [{ kind: 'video', path: 'turn.gif', moves: true }],
    });
    expect((await jobFromRecipe('voxel.shapes', { with: [], typed: [] })).job).not.toHaveProperty(
      'environment',
    );
  });

  it('runs one as a job that says every value, those that were left out too', async () => {
    const { job } = await jobFromRecipe('shape', { with: ['n=32', 'shape=torus', 'size=1'] });
    expect(job).toMatchObject({ kind: 'solve', name: 'shape', recipe: 'shape' });
    expect(job).toMatchObject({ with: { ...shape, n: 32, shape: 'torus', size: 1 } });
    expect(job).toMatchObject({ outputs: [{ path: 'shape.bin', n: 32 }, { path: 'shape.json' }] });
    expect((await checkedJob(job, '/tmp')).job).toEqual(job);
  });

  it('refuses values in the words they were typed in, all at once', async () => {
    await expect(
      jobFromRecipe('shape', { with: ['n=many', 'size=2', 'shape=cone', 'radius=1'] }),
    ).rejects.toThrow(
      [
        '--with shape: expected one of sphere, box, torus, got "cone"',
        '--with n: expected a number, got "many"',
        '--with size: expected at most 1, got 2',
        '--with radius: there is no such field; the fields here are shape, n, size, tube, fill, wall',
      ].join('\n'),
    );
    await expect(jobFromRecipe('shape', { with: ['n=16', 'n=32'] })).rejects.toThrow(
      '--with n: expected one value',
    );
    await expect(jobFromRecipe('shape', { with: ['64'] })).rejects.toThrow('--with 64: expected NAME=VALUE');
  });
});

describe('a job file', () => {
  async function read(text: string) {
    const path = join(await mkdtemp(join(tmpdir(), 'crucible-recipe-')), 'job.yaml');
    await writeFile(path, text);
    return readJobFile(path);
  }

  it('may name a recipe in place of a script, in a stage too', async () => {
    const { job, files } = await read(
      'kind: pipeline\nname: two\nstages:\n  - { kind: solve, name: ball, recipe: shape, with: { n: 16 } }\n',
    );
    expect(job).toMatchObject({ stages: [{ recipe: 'shape', with: { ...shape, n: 16 } }] });
    expect(files).toEqual([]);
  });

  it.each([
    ['recipe: shape\nwith:\n  n: 7', 'job.yaml:5: with.n: expected at least 8, got 7'],
    ['recipe: sphere', 'job.yaml:3: recipe: there is no recipe sphere; there are shape'],
    [
      'recipe: shape\nargs: [a]',
      'job.yaml:4: args: `args` are for a `script` or a `task`; a recipe takes `with`',
    ],
    ['script: a.py\nprompts: ask', 'job.yaml:4: prompts: `prompts` are for a `task`'],
    ['recipe: shape\nscript: a.py', 'job.yaml:3: recipe: expected `script` or `recipe`, got both'],
    ['script: a.py\nwith: { n: 9 }', 'job.yaml:4: with: `with` is for a `recipe`; a script takes `args`'],
    [
      'outputs: [a]',
      'script: expected a Python file, or in its place a `recipe`, a C++ `module` or a `task` in words; it is missing',
    ],
  ])('with %j is refused with its line', async (text, message) => {
    await expect(read(`kind: solve\nname: a\n${text}\n`)).rejects.toThrow(message);
  });

  it('with a wrong value in a stage says which stage', async () => {
    const stage = '  - { kind: solve, name: ball, recipe: shape, with: { n: 9.5 } }';
    await expect(read(`kind: pipeline\nname: two\nstages:\n${stage}\n`)).rejects.toThrow(
      'job.yaml:4: stages[0].with.n: expected a whole number, got 9.5',
    );
  });
});
