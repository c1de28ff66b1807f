import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { jobFromOptions, type OptimizeOptions } from '../../cli/start/optimize-job.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'src'));
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'src', 'slow.py'), 'def blur(x):\n    return x\n');
  await writeFile(join(folder, 'src', 'cases.py'), 'def make_case(seed):\n    return (seed,)\n');
  await writeFile(join(folder, 'data', 'more_cases.py'), 'def make(seed):\n    return (seed,)\n');
  await writeFile(join(folder, 'data', 'weights.txt'), '1 2 3\n');
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
});

const refusal = async (program: string, options: OptimizeOptions): Promise<string> =>
  jobFromOptions(program, options).then(
    () => 'it was taken',
    (error: Error) => error.message,
  );

describe('the paths of crucible optimize', () => {
  it('are as typed in the shell, for the program, the cases and the inputs alike', async () => {
    const file = await jobFromOptions('src/slow.py:blur', { cases: 'src/cases.py' });
    expect(file).toMatchObject({
      folder: join(folder, 'src'),
      job: { name: 'slow-blur', program: 'slow.py', function: 'blur', cases: 'cases.py' },
    });
  });

  it('may be absolute, and lie in folders that have one above them in common', async () => {
    const cases = `${join(folder, 'data', 'more_cases.py')}:make`;
    const file = await jobFromOptions('src/slow.py', {
      function: 'blur',
      cases,
      inputs: ['data/weights.txt'],
    });
    expect(file).toMatchObject({
      folder,
      files: ['src/slow.py', 'data/more_cases.py', 'data/weights.txt'],
      job: { program: 'src/slow.py', cases: 'data/more_cases.py:make', inputs: ['data/weights.txt'] },
    });
    process.chdir(join(folder, 'data'));
    expect(await jobFromOptions('../src/slow.py:blur', { cases })).toMatchObject({ folder });
  });

  it('of a check of answers is as typed, too, and needs a function', async () => {
    await writeFile(join(folder, 'src', 'check.py'), 'def fits(x, answer):\n    return True\n');
    const options = { cases: 'src/cases.py', accepts: 'src/check.py:fits' };
    expect(await jobFromOptions('src/slow.py:blur', options)).toMatchObject({
      files: ['slow.py', 'cases.py', 'check.py'],
      job: { accepts: 'check.py:fits' },
    });
    expect(await refusal('src/slow.py', { oracle: 'src/check.py' })).toMatch(
      /^--oracle needs --function NAME, or src\/slow\.py:NAME: .* compared with those of src\/check\.py/,
    );
    expect(await refusal('src/slow.py:blur', { ...options, oracle: 'src/cases.py:blur' })).toMatch(
      /--oracle.*judges answers in place of a comparison: leave out/,
    );
    expect(await refusal('src/slow.py', { accepts: 'src/check.py' })).toMatch(
      /^--accepts needs --function NAME, or src\/slow\.py:NAME: the function whose answers src\/check\.py judges/,
    );
    expect(await refusal('src/slow.py:blur', { ...options, accepts: 'src/slow.py:fits' })).toMatch(
      /--accepts.*expected another file than .*slow\.py: a candidate has that one/,
    );
  });

  it('that are not there are named as typed', async () => {
    expect(await refusal('src/none.py', {})).toBe(`src/none.py in ${folder}: there is no such file`);
    expect(await refusal('src/slow.py:blur', { cases: 'cases.py' })).toBe(
      `--cases cases.py in ${folder}: there is no such file`,
    );
    expect(await refusal('src', {})).toMatch(
      /^src: expected a Python file, as in crucible optimize src\/slow\.py:blur, got a folder; in it: src\/cases\.py, src\/slow\.py$/,
    );
  });

  it('that have no folder in common are refused for that', async () => {
    expect(await refusal('src/slow.py', { inputs: ['/etc/hostname'] })).toMatch(
      /^src\/slow\.py, \/etc\/hostname: the files of a job are in one folder or below it/,
    );
  });
});

describe('the options of crucible optimize', () => {
  it('set the fields of a job', async () => {
    const { job } = await jobFromOptions('src/slow.py:blur', {
      cases: 'src/cases.py',
      name: 'mine',
      tolerance: { relative: 1e-9 },
      strategies: ['parallelize'],
      trials: 3,
      minutes: 1.5,
      cores: 1,
      memory: 512,
      seed: 7,
      goal: 10,
      profile: 'dev',
    });
    expect(job).toMatchObject({
      name: 'mine',
      tolerance: { relative: 1e-9 },
      strategies: ['parallelize'],
      budget: { trials: 3, wallMs: 90_000 },
      cores: 1,
      limits: { memoryMb: 512 },
      seed: 7,
      goal: 10,
      models: { profile: 'dev' },
    });
  });

  it.each([
    ['src/slow.py', { record: 'python main.py' }, /^--record needs --function NAME, or src\/slow\.py:NAME/],
    [
      'src/slow.py:blur',
      { record: 'python main.py', cases: 'src/cases.py' },
      /^--record makes the inputs that --cases src\/cases\.py makes: leave one of them out/,
    ],
    ['src/slow.py', { cases: 'src/cases.py' }, /^--cases needs --function NAME, or src\/slow\.py:NAME/],
    [
      'src/slow.py:Model.step',
      { cases: 'src/cases.py' },
      /^--function Model\.step: methods are not supported; .* calls step/,
    ],
    [
      'src/slow.py:blur',
      { function: 'other', cases: 'src/cases.py' },
      /expected one function, got blur, and other by --function/,
    ],
    [
      'src/slow.py:blur',
      { cases: 'src/cases.py', args: ['3'] },
      /^--args is for a whole script: with --function .* blur returns/,
    ],
    ['src/slow.py:blur', { cases: 'src/cases.py', outputs: ['*.npy'] }, /^--outputs is for a whole script/],
    ['src/slow.py', { name: 'My Job' }, /^--name: expected lower-case letters/],
    ['src/slow.py', { trials: 20_000 }, /^--trials: expected at most 10000, got 20000/],
    ['src/slow.py', { cores: 300 }, /^--cores: expected at most 256, got 300/],
  ] satisfies [string, OptimizeOptions, RegExp][])(
    'of %s %j are refused in their own words',
    async (program, options, message) => {
      expect(await refusal(program, options)).toMatch(message);
    },
  );

  it('take the names that Python takes, and find a name for the job', async () => {
    await writeFile(join(folder, 'src', 'Größe.py'), 'def größe(x):\n    return x\n');
    const { job } = await jobFromOptions('src/Größe.py:gro\u0308ße', { cases: 'src/cases.py' });
    expect(job).toMatchObject({ name: 'gro-e', function: 'gr\u00f6ße' });
  });
});
