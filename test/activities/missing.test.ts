import { describe, expect, it } from 'vitest';
import type { Surroundings } from '../../activities/diagnose/failure.ts';
import { hintOn } from '../../activities/try/missing.ts';

const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  program: 'walk.py',
  had: ['walk.py'],
  beside: [],
  packages: ['numpy 2.4.6', 'scipy 1.17.1'],
  options: false,
  ...more,
});

const noModule = (name: string): string => `ModuleNotFoundError: No module named '${name}'`;
const noFile = (name: string): string =>
  `FileNotFoundError: [Errno 2] No such file or directory: '${name}'\nTraceback …`;

describe('a module that a program misses', () => {
  it('is named with what to add, where it stands in the folder of the job', () => {
    const stands = 'stands in the folder of the job and is not among its inputs: add inputs:';
    expect(hintOn(noModule('gait'), around({ beside: ['gait.py'] }))).toBe(`gait.py ${stands} [gait.py]`);
    expect(hintOn(noModule('gait'), around({ beside: ['gait/legs.py'], options: true }))).toBe(
      `gait ${stands} [gait], or --inputs gait`,
    );
    const inFolder = around({ program: 'src/walk.py', beside: ['src/gait/legs.py', 'gait.py'] });
    expect(hintOn(noModule('gait.legs'), inFolder)).toBe(`src/gait/legs.py ${stands} [src/gait/legs.py]`);
    expect(hintOn(noModule('gait'), around({ beside: ['lib/gait.py'] }))).toBe(
      `lib/gait.py ${stands} [lib/gait.py]`,
    );
  });

  it('is told where it is there and not looked for', () => {
    expect(hintOn(noModule('gait'), around({ had: ['walk.py', 'lib/gait.py'] }))).toMatch(
      /^there is lib\/gait\.py, but Python looks beside walk\.py/,
    );
    expect(hintOn('ImportError: attempted relative import with no known parent package', around())).toMatch(
      /^walk\.py is run by itself/,
    );
  });

  it('is told with what the sandbox has and how another is brought, where it is nowhere', () => {
    const hint = hintOn(noModule('sklearn.svm'), around());
    expect(hint).toMatch(/^the sandbox has no sklearn; it has numpy 2\.4\.6, scipy 1\.17\.1\. To bring it: /);
    expect(hint).toContain('environment: { requirements: [scikit-learn] }');
  });
});

describe('a file that a program misses', () => {
  it('is named with what to add, and what there was', () => {
    expect(hintOn(noFile('data/steps.csv'), around({ beside: ['data/steps.csv'] }))).toBe(
      'data/steps.csv stands in the folder of the job and is not among its inputs: add inputs: [data/steps.csv]; its working directory held walk.py',
    );
    expect(hintOn('FileNotFoundError: steps.txt not found.', around({ beside: ['steps.txt'] }))).toMatch(
      /add inputs: \[steps\.txt\]; its/,
    );
    expect(hintOn('OSError: steps.txt not found.', around({ beside: ['steps.txt'] }))).toMatch(
      /^steps\.txt stands/,
    );
  });

  it('is found by the path it has on the machine, or beside the program', () => {
    expect(hintOn(noFile('/home/ada/walk/data/steps.csv'), around({ beside: ['data/steps.csv'] }))).toMatch(
      /^data\/steps\.csv stands .*, and open it as data\/steps\.csv: paths begin at the folder of the job/,
    );
    expect(hintOn(noFile(String.raw`C:\walk\steps.csv`), around({ had: ['walk.py', 'steps.csv'] }))).toMatch(
      /is a path of your machine: open it as steps\.csv/,
    );
    const inFolder = around({ program: 'src/walk.py', beside: ['src/steps.csv'] });
    expect(hintOn(noFile('steps.csv'), inFolder)).toMatch(
      /add inputs: \[src\/steps\.csv\], and open it as src/,
    );
    expect(hintOn(noFile('steps.csv'), around({ had: ['walk.py', 'data/steps.csv'] }))).toMatch(
      /^open it as data\/steps\.csv/,
    );
  });

  it('that is nowhere is told with what there was, ten at most', () => {
    const had = Array.from({ length: 12 }, (_, index) => `f${index + 10}/a.txt`);
    expect(hintOn(noFile('/work/new.csv'), around({ had }))).toBe(
      'its working directory held f10/, f11/, f12/, f13/, f14/, f15/, f16/, f17/, f18/, f19/ and 2 more',
    );
  });
});

it('the network is told to be missing', () => {
  const said = 'urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>';
  expect(hintOn(said, around())).toMatch(/^a sandbox has no network/);
});

it('the field is told that allows a larger file, or more of them', () => {
  expect(hintOn('OSError: [Errno 27] File too large', around())).toMatch(
    /`limits\.fileMb`.*`limits\.memoryMb`/,
  );
  expect(hintOn("OSError: [Errno 28] No space left on device: 'big.bin'", around())).toMatch(
    /`limits\.diskMb` says; \/tmp and shared memory as `limits\.memoryMb`/,
  );
});

it('of another failure nothing is told', () => {
  expect(hintOn('ValueError: 3.5 is not a file', around({ beside: ['3.5'] }))).toBeNull();
});
