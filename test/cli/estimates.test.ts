import { mkdir, mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { estimatesOf } from '../../cli/start/estimates.ts';
import { readJobFile } from '../../cli/start/job-file.ts';
import { jobFromRecipe } from '../../cli/start/recipe.ts';
import { Job } from '../../domain/job.schema.ts';

const told = (path: readonly PropertyKey[], message: string): string => `${path.join('.')}: ${message}`;
const estimates = (fields: Record<string, unknown>) =>
  estimatesOf({ job: Job.parse({ kind: 'solve', name: 'a', ...fields }), folder: '/tmp', told });

it('a grid that no run can hold is refused; of one that fits it is told what it takes, and whether native code is worthwhile', async () => {
  const outputs = [{ kind: 'voxels', path: 'grid.bin', n: 128 }];
  expect(await estimates({ task: 'a letter', outputs })).toEqual({
    mistakes: [],
    notes: [
      'a voxel grid of 128³: 2,097,152 voxels, 8 MB, about 12 MB while a program works on them',
      'native code is worthwhile: a grid of 128 is larger than 64',
    ],
  });
  expect((await estimates({ script: 'a.py', outputs, limits: { memoryMb: 4 } })).mistakes).toEqual([
    'outputs: a grid of 128³: 2,097,152 voxels, 8 MB, about 12 MB while a program works on them; a run may use 4 MB (limits.memoryMb)',
  ]);
  expect(await estimates({ task: 'count words' })).toEqual({ mistakes: [], notes: [] });
});

describe('a recipe', () => {
  const text = (size: number) => ({ recipe: 'voxel.text', with: { text: 'A', size } });

  it('is told by its voxels, their bytes and what was measured of it, and why its code is native', async () => {
    expect((await estimates(text(128))).notes).toEqual([
      '128³: 2,097,152 voxels, 8,388,608 bytes, 8 MB; about 12 MB with the overhead of 1.5; this recipe takes about 82 MB, as measured, of which its files are 8 MB',
      'native code is worthwhile, and used: a grid of 128 is larger than 64',
    ]);
    const frames = { recipe: 'voxel.frames', with: { frames: 'scene', size: 64 } };
    expect((await estimates(frames)).notes[1]).toBe(
      'native code is worthwhile, and used: it asks for casting rays',
    );
  });

  it('is refused where it cannot run, with the largest grid that can', async () => {
    const { mistakes } = await estimates({ ...text(1000), limits: { memoryMb: 1024, diskMb: 1024 } });
    expect(mistakes).toEqual([
      'with.size: 1000³: 1,000,000,000 voxels, 4,000,000,000 bytes, 3,815 MB (3.7 GB); about 5,722 MB (5.6 GB) with the overhead of 1.5; ' +
        'this recipe takes about 8,648 MB (8.4 GB), as measured, of which its files are 3,815 MB (3.7 GB); a run may use 1,024 MB (1.0 GB) (limits.memoryMb), ' +
        'its files 1,024 MB (1.0 GB) of it (limits.diskMb); at most size=481 fits: take that (--fit-memory does), or raise limits.memoryMb and limits.diskMb (--memory of crucible recipe run)',
    ]);
    expect((await estimates({ ...text(481), limits: { memoryMb: 1024 } })).mistakes).toEqual([]);
    expect((await estimates({ ...text(482), limits: { memoryMb: 1024 } })).mistakes).toHaveLength(1);
  });

  it('that reads a volume is told by what is in the file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-estimates-'));
    const file = await open(join(folder, 'large.bin'), 'w');
    await file.truncate(8 + 4 * 700 ** 3);
    await file.close();
    const job = Job.parse({
      kind: 'solve',
      name: 'a',
      recipe: 'voxel.combine',
      with: { first: 'large.bin', second: 'large.bin' },
    });
    const { mistakes } = await estimatesOf({ job, folder, told });
    expect(mistakes).toEqual([
      expect.stringMatching(
        /^with\.first: large\.bin: 343,000,002 voxels.*at most \d+³ voxels fit: make it smaller with voxel\.transform/,
      ),
    ]);
  });

  it('that reads images is told by how many there are and how large they are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-estimates-'));
    await mkdir(join(folder, 'slices'));
    const size = Buffer.alloc(8);
    size.writeUInt32BE(6000, 0);
    size.writeUInt32BE(5000, 4);
    const start = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), size]);
    for (const name of ['1.png', '2.png', '10.png', 'notes.txt'])
      await writeFile(join(folder, 'slices', name), start);
    const stack = (limits: object) =>
      Job.parse({
        ...{ kind: 'solve', name: 'a', recipe: 'voxel.stack', with: { images: 'slices' } },
        limits,
      });
    const estimated = await estimatesOf({ job: stack({ memoryMb: 4096 }), folder, told });
    expect(estimated.notes[0]).toMatch(/^slices: 90,000,000 voxels, 360,000,000 bytes, 343 MB;/);
    expect((await estimatesOf({ job: stack({ memoryMb: 1024 }), folder, told })).mistakes).toEqual([
      expect.stringMatching(
        /^with\.images: slices: 90,000,000 voxels.*take fewer images, or smaller ones, or raise limits/,
      ),
    ]);
  });

  it('that draws is refused a volume that no run can hold', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-estimates-'));
    await writeFile(
      join(folder, 'large.npy'),
      "\x93NUMPY\x01\0v\0{'descr': '<f4', 'shape': (500, 500, 500), }",
    );
    const job = Job.parse({
      kind: 'solve',
      name: 'a',
      recipe: 'voxel.render',
      with: { volume: 'large.npy' },
    });
    expect((await estimatesOf({ job, folder, told })).mistakes).toEqual([
      expect.stringMatching(/^with\.volume: large\.npy: 125,000,000 voxels.*at most \d+³ voxels fit/),
    ]);
  });

  it('is made as large as fits where that is asked for', async () => {
    const file = await jobFromRecipe('voxel.text', { with: ['size=1000'], memory: 1024, fitMemory: true });
    expect(file.job).toMatchObject({
      with: { size: 481 },
      outputs: [{ kind: 'voxels', n: 481 }, { kind: 'json' }],
    });
    expect(file.fitted).toEqual([
      'voxel-text: size=1000 takes 8,648 MB (8.4 GB), more than a run may use: it is size=481',
    ]);
    expect((await estimatesOf(file)).mistakes).toEqual([]);
    const folder = await mkdtemp(join(tmpdir(), 'crucible-estimates-'));
    const stage =
      '{ kind: solve, name: letters, recipe: voxel.text, with: { size: 1000 }, outputs: [text.bin] }';
    await writeFile(join(folder, 'job.yaml'), `kind: pipeline\nname: p\nstages:\n  - ${stage}\n`);
    const job = await readJobFile(join(folder, 'job.yaml'), { fitMemory: true });
    expect(job.fitted).toEqual([expect.stringMatching(/^letters: size=1000 takes .* it is size=613$/)]);
    expect((await estimatesOf(job)).mistakes).toEqual([]);
    const whole = await readJobFile(join(folder, 'job.yaml'));
    expect((await estimatesOf(whole)).mistakes[0]).toMatch(/^job\.yaml:4: stages\[0\]\.with\.size: 1000³: /);
    const asked = await jobFromRecipe('voxel.text', { with: ['size=300'], fitMemory: true });
    expect([asked.job, asked.fitted]).toMatchObject([{ with: { size: 300 } }, []]);
  });
});
