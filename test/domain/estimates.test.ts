import { describe, expect, it } from 'vitest';
import { largestGrid, voxelEstimate, voxelWords, worthNative } from '../../domain/estimates.ts';

const job = (task: string, n?: number) => ({
  task,
  outputs: n === undefined ? [] : [{ kind: 'voxels' as const, path: 'grid.bin', n }],
});

describe('an estimate before a program runs', () => {
  it('counts voxels, their bytes, and half as much again', () => {
    expect(voxelEstimate(128)).toEqual({ n: 128, voxels: 2_097_152, bytes: 8_388_608, mb: 12 });
    expect(voxelEstimate(128, 'uint8').bytes).toBe(2_097_152);
    expect(voxelWords(voxelEstimate(1024))).toBe(
      '1024³: 1,073,741,824 voxels, 4,096 MB, about 6,144 MB (6.0 GB) while a program works on them',
    );
    expect(voxelWords(voxelEstimate(32))).toBe(
      '32³: 32,768 voxels, 0.13 MB, about 0.19 MB while a program works on them',
    );
    expect(largestGrid(job('', 64))?.n).toBe(64);
    expect(largestGrid(job('make a 256³ grid'))).toBeNull();
  });

  it.each([
    ['a letter A as voxels', 64, null],
    ['a letter A as voxels', 65, 'a grid of 65 is larger than 64'],
    ['fill 128^3 voxels with noise', undefined, 'a grid of 128 is larger than 64'],
    ['fill 96x96x96 voxels', undefined, 'a grid of 96 is larger than 64'],
    ['Ray casting from three cameras', undefined, 'it asks for ray casting'],
    ['convolve the picture with a disc', undefined, 'it asks for convolve'],
    ['simulate 1,000 steps', undefined, '1000 repeats are more than 10'],
    ['do it 10 times', undefined, null],
    ['Count the words of 2024 letters', undefined, null],
  ])('says whether native code is worthwhile, and why: %s (%s)', (task, n, why) => {
    expect(worthNative(job(task, n))).toBe(why);
  });
});
