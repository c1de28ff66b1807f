import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkedJob, packFiles, readJobFile, withProfile } from '../../cli/start/job-file.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'ok.py'), 'print(1)\n');
});

/** What reading a job file with this text is refused with. */
async function refusal(text: string, name = 'job.yaml'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  const error = await readJobFile(path).then(
    () => new Error('it was taken'),
    (thrown: Error) => thrown,
  );
  expect(error.name).toBe('UserMistake');
  return error.message.replaceAll(folder, 'FOLDER');
}

const solve = (more: string): string => `kind: solve\nname: a\nscript: ok.py\n${more}`;
const pipeline = (...stages: string[]): string =>
  `kind: pipeline\nname: a\nstages:\n${stages.map((stage) => `  - ${stage}\n`).join('')}`;
const stage = (name: string, more = ''): string => `{ name: ${name}, kind: solve, script: ok.py${more} }`;

describe('a job file', () => {
  it('may have its models chosen by a profile, in every stage that asks some', async () => {
    const { job } = withProfile(
      await checkedJob(
        {
          ...{ kind: 'pipeline', name: 'a' },
          stages: [
            { kind: 'solve', name: 'first', script: 'ok.py' },
            { kind: 'optimize', name: 'second', program: 'ok.py' },
          ],
        },
        folder,
      ),
      'best',
    );
    expect(job).toMatchObject({ stages: [{ name: 'first' }, { models: { profile: 'best' } }] });
    const alone = await checkedJob({ kind: 'optimize', name: 'a', program: 'ok.py' }, folder);
    expect(withProfile(alone, 'dev').job).toMatchObject({ models: { profile: 'dev' } });
    expect(withProfile(alone, undefined)).toBe(alone);
  });

  it('whose own prompts are wrong is refused with the file and the line of each', async () => {
    await mkdir(join(folder, 'ask'));
    await writeFile(
      join(folder, 'ask', 'improve-script.md'),
      '---\nversion: 1\nrole: improve\nschema: program\n---\n# System\nBe fast.\n# User\n{{nonsense}}\n',
    );
    await writeFile(join(folder, 'ask', 'unheard-of.md'), 'hello\n');
    const job = 'kind: optimize\nname: a\nprogram: ok.py\nprompts: ask\n';
    const message = await refusal(job);
    expect(message).toContain('job.yaml:4: prompts: ask/improve-script.md:9: there is no {{nonsense}}');
    expect(message).toContain('job.yaml:4: prompts: ask/unheard-of.md:1: there is no prompt unheard-of');
    expect(await refusal(job.replace('ask', 'ok.py'))).toContain(
      'prompts: ok.py in FOLDER: expected a folder',
    );
  });

  it('whose inputs have an empty folder is refused: a program would not find it', async () => {
    await mkdir(join(folder, 'empty'));
    const job = 'kind: solve\nname: a\nscript: ok.py\ninputs: [empty]\n';
    expect(await refusal(job)).toMatch(
      /^job.yaml:4: inputs(\[0\])?: empty in FOLDER: the folder holds no file/,
    );
  });

  it('that is missing, or a folder, is named', async () => {
    await expect(readJobFile(join(folder, 'none.yaml'))).rejects.toThrow(
      /none\.yaml: expected a job file.*there is no such file/,
    );
    await expect(readJobFile(folder)).rejects.toThrow(/expected a job file.*it is a folder/);
  });

  it.each([
    ['', 'an empty file'],
    ['# only a comment\n', 'an empty file'],
    ['hello\n', 'none'],
    ['- kind: solve\n', 'none'],
    ['\u0000\u0001\u0002', 'none'],
  ])('without fields is told what a job begins with: %j', async (text, got) => {
    expect(await refusal(text)).toMatch(new RegExp(`^job.yaml: expected a job.*kind: optimize.*got ${got}$`));
  });

  it.each([
    ['a tab', 'kind: solve\n\tname: a\n', 'job.yaml:2:1: this is not valid YAML: Tabs are not allowed'],
    ['an open bracket', 'kind: solve\nargs: [a, b\n', /^job.yaml:3:1: this is not valid YAML: Flow sequence/],
    [
      'a field twice',
      solve('name: b\n'),
      'job.yaml:4:1: this is not valid YAML: Map keys must be unique: name: b',
    ],
    ['a name for nothing', 'kind: solve\nname: *b\n', /^job.yaml: this is not valid YAML: Unresolved alias/],
    ['a tag', solve('seed: !!js/function x\n'), /^job.yaml:4:7: this is not valid YAML: Unresolved tag/],
    [
      'a second job',
      `${solve('')}---\n${solve('')}`,
      'job.yaml:4: expected one job, got another below a line ---',
    ],
  ])('with %s is refused with its line', async (_, text, message) => {
    const said = await refusal(text);
    if (typeof message === 'string') expect(said).toContain(message);
    else expect(said).toMatch(message);
  });

  it('that repeats itself a billion times is refused at once', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`)}]`,
    );
    expect(await refusal(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toMatch(/Excessive alias count/);
  });

  it('may be JSON, and is refused as such', async () => {
    await writeFile(join(folder, 'job.json'), '{ "kind": "solve", "name": "a", "script": "ok.py" }');
    expect((await readJobFile(join(folder, 'job.json'))).job).toMatchObject({ kind: 'solve', cores: 2 });
    expect(await refusal('{\n "kind": "solve"\n "name": "a" }', 'job.json')).toMatch(
      /^job.json:3:2: this is not valid JSON/,
    );
    expect(await refusal('{\n "kind": "solve",\n "name": "A",\n "script": "ok.py"\n}', 'job.json')).toBe(
      'job.json:3: name: expected lower-case letters, digits and dashes, at most 63, a letter or digit first, got "A"',
    );
  });
});

describe('a field', () => {
  it.each([
    [
      'that does not exist',
      solve('scirpt: b.py\n'),
      /^job\.yaml:4: scirpt: there is no such field \(did you mean script\?\); the fields here are kind, name, .*\bscript, /,
    ],
    [
      'that a stage does not have',
      pipeline(stage('x', ', colour: red')),
      /^job.yaml:4: stages\[0\].colour: there is no such field; the fields here are kind, name, needs, /,
    ],
    [
      'that limits do not have',
      solve('limits:\n  memory: 5\n'),
      'job.yaml:5: limits.memory: there is no such field (did you mean memoryMb?); the fields here are wallMs, cpuMs, memoryMb, processes, outputMb, fileMb, diskMb',
    ],
    [
      'that is a check as the command line has it',
      solve("outputs: ['a.json: json']\n"),
      'job.yaml:4: outputs[0]: expected a path, or a check of one by its fields, as in { kind: json, path: a.json }, got "a.json: json"',
    ],
    [
      'that a check does not have',
      solve('outputs:\n  - { kind: image, path: a, wide: 3 }\n'),
      'job.yaml:5: outputs[0].wide: there is no such field; the fields here are kind, path, width, height, minWidth, maxWidth, minHeight, maxHeight, alpha',
    ],
    ['of text instead of a number', solve('cores: two\n'), 'job.yaml:4: cores: expected a number, got "two"'],
    ['of a fraction', solve('cores: 1.5\n'), 'job.yaml:4: cores: expected a whole number, got 1.5'],
    [
      'of one instead of a list',
      solve('inputs: ok.py\n'),
      'job.yaml:4: inputs: expected a list, got "ok.py"',
    ],
    ['of nothing', solve('inputs:\n'), 'job.yaml:4: inputs: expected a list, got null'],
    [
      'below zero',
      solve('budget:\n  trials: -3\n'),
      'job.yaml:5: budget.trials: expected more than 0, got -3',
    ],
    ['too large', solve('cores: 257\n'), 'job.yaml:4: cores: expected at most 256, got 257'],
    [
      'that is missing',
      'kind: solve\nname: a\n',
      'job.yaml:1: script: expected a Python file, or in its place a `recipe`, a C++ `module` or a `task` in words; it is missing',
    ],
    [
      'of an unknown kind',
      'kind: optimise\nname: a\n',
      'job.yaml:1: kind: expected one of optimize, solve, pipeline, chat, experiment, fit, got "optimise"',
    ],
    [
      'of no kind',
      'name: a\n',
      'job.yaml:1: kind: expected one of optimize, solve, pipeline, chat, experiment, fit; it is missing',
    ],
    [
      'of an unknown kind of stage',
      pipeline('{ name: x, kind: pipeline }'),
      'job.yaml:4: stages[0].kind: expected one of optimize, solve, fit, got "pipeline"',
    ],
    [
      'of an unknown kind of check',
      solve('outputs: [{ kind: picture, path: a }]\n'),
      'job.yaml:4: outputs[0].kind: expected one of file, readable, text, image, video, voxels, npy, npz, mesh, json, csv, table, equals, exit, stdout, got "picture"',
    ],
    [
      'of no sort of output',
      solve('outputs: [3]\n'),
      'job.yaml:4: outputs[0]: expected text, or fields, each a name and a value, got 3',
    ],
    [
      'of a bad name',
      solve('').replace('name: a', 'name: My Job'),
      /^job.yaml:2: name: expected lower-case letters, .*, got "My Job"$/,
    ],
    [
      'of no stages',
      'kind: pipeline\nname: a\nstages: []\n',
      'job.yaml:3: stages: expected at least one in the list, got an empty list',
    ],
    [
      'of a bad route',
      'kind: optimize\nname: a\nprogram: ok.py\nmodels: { draft: [a model] }\n',
      'job.yaml:4: models.draft[0]: expected `provider/model`, or the name of a model, got "a model"',
    ],
    [
      'of a function without cases',
      'kind: optimize\nname: a\nprogram: ok.py\nfunction: f\n',
      'job.yaml:4: function: a function needs `cases`: a file whose `make_case(seed)` returns its arguments',
    ],
  ])('%s is named with its line, what was expected and what came', async (_, text, message) => {
    const said = await refusal(text);
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  it.each([
    [
      'of a method',
      'Model.step',
      /^job.yaml:4: function: expected the name of a function of the module; methods are not supported, got/,
    ],
    ['of no letters', '1st', /^job.yaml:4: function: expected the name of a function/],
  ])('%s is no function', async (_, name, message) => {
    expect(
      await refusal(`kind: optimize\nname: a\nprogram: ok.py\nfunction: ${name}\ncases: ok.py\n`),
    ).toMatch(message);
  });

  it('may come from another one by a merge key', async () => {
    await writeFile(
      join(folder, 'job.yaml'),
      'kind: pipeline\nname: a\nstages:\n  - &one { kind: solve, name: one, script: ok.py }\n  - { <<: *one, name: two }\n',
    );
    const { job } = await readJobFile(join(folder, 'job.yaml'));
    expect(job).toMatchObject({ stages: [{ name: 'one' }, { kind: 'solve', name: 'two', script: 'ok.py' }] });
  });

  it('is not the only one to be named where several are wrong, in the order of the lines', async () => {
    const said = await refusal(solve('cores: two\nseed: -1\nlimits: { wallMs: soon }\n'));
    expect(said.split('\n')).toEqual([
      'job.yaml:4: cores: expected a number, got "two"',
      'job.yaml:5: seed: expected at least 0, got -1',
      'job.yaml:6: limits.wallMs: expected a number, got "soon"',
    ]);
  });
});

describe('the stages of a pipeline', () => {
  it.each([
    [
      'wait for each other',
      pipeline(stage('x', ', needs: [y]'), stage('y', ', needs: [x]')),
      'job.yaml:3: stages: stages wait for each other: x → y → x',
    ],
    [
      'wait for themselves',
      pipeline(stage('x', ', needs: [x]')),
      'job.yaml:3: stages: stages wait for each other: x → x',
    ],
    [
      'need one that is not there',
      pipeline(stage('x', ', needs: [z]')),
      'job.yaml:4: stages[0].needs[0]: there is no stage z; the stages are x',
    ],
    [
      'have the same name',
      pipeline(stage('x'), stage('x')),
      'job.yaml:5: stages[1].name: two stages are named x',
    ],
  ])('that %s are refused', async (_, text, message) => {
    expect(await refusal(text)).toBe(message);
  });
});

describe('a path', () => {
  it.each(['../x', '/etc/passwd', 'a/../../x', 'a\\\\b', '-rf'])(
    'outside the workspace is refused: %s',
    async (path) => {
      const expected =
        'expected a path inside the workspace: relative, without `..`, backslashes, control characters or names of more than 255 bytes';
      for (const [field, line] of [
        ['outputs', 'outputs[0]'],
        ['inputs', 'inputs[0]'],
      ] as const)
        expect(await refusal(solve(`${field}: ["${path}"]\n`))).toMatch(
          `job.yaml:4: ${line}: ${expected}, got `,
        );
      expect(await refusal(`kind: solve\nname: a\nscript: "${path}"\n`)).toMatch(
        `job.yaml:3: script: ${expected}`,
      );
    },
  );

  it('to a file that is not there is refused with the field that names it', async () => {
    expect(await refusal(solve('inputs: [none.csv]\n'))).toBe(
      'job.yaml:4: inputs: none.csv in FOLDER: there is no such file',
    );
    expect(await refusal('kind: optimize\nname: a\nprogram: slow.py\nfunction: f\ncases: made.py\n')).toBe(
      'job.yaml:3: program: slow.py in FOLDER: there is no such file\njob.yaml:5: cases: made.py in FOLDER: there is no such file',
    );
  });

  it('to a folder is no program', async () => {
    await mkdir(join(folder, 'programs'));
    expect(await refusal('kind: solve\nname: a\nscript: programs\n')).toBe(
      'job.yaml:3: script: programs in FOLDER: expected a Python file, found a folder',
    );
  });

  it('that leads out of the folder of the job by a link is refused, also below a folder', async () => {
    await symlink('/etc/passwd', join(folder, 'secrets'));
    await mkdir(join(folder, 'data'));
    await symlink('/etc', join(folder, 'data/more'));
    expect(await refusal(solve('inputs: [secrets]\n'))).toContain(
      'secrets is a link to /etc/passwd, outside the folder of the job',
    );
    expect(await refusal(solve('inputs: [data]\n'))).toContain('data/more is a link to /etc, outside');
  });

  it('that leads in a circle by a link is refused', async () => {
    await mkdir(join(folder, 'data'));
    await symlink('..', join(folder, 'data/up'));
    await symlink('self', join(folder, 'self'));
    expect(await refusal(solve('inputs: [data]\n'))).toContain('is a link to a folder that it stands in');
    expect(await refusal(solve('inputs: [self]\n'))).toContain('a link that leads back to itself');
  });

  it('to neither a file nor a folder is refused instead of waited for', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await refusal(solve('inputs: [pipe]\n'))).toBe(
      'job.yaml:4: inputs: pipe in FOLDER: pipe is neither a file nor a folder',
    );
  });
});

it('a job takes every file it names, at the path it names it by, links inside its folder included', async () => {
  await mkdir(join(folder, 'data/__pycache__'), { recursive: true });
  await writeFile(join(folder, 'data/a.csv'), 'a\n1\n');
  await writeFile(join(folder, 'data/__pycache__/a.pyc'), '');
  await symlink('data/a.csv', join(folder, 'linked.csv'));
  const store = await temporaryStore();
  const file = await checkedJob(
    { kind: 'solve', name: 'a', script: 'ok.py', inputs: ['data', 'linked.csv', 'data/a.csv'] },
    folder,
  );
  const tree = await packFiles(file, store.blobs);
  expect(Object.keys(tree)).toEqual(['ok.py', 'data/a.csv', 'linked.csv']);
  expect(tree['linked.csv']).toBe(tree['data/a.csv']);
});

it('a file or folder that is swapped for a link after it was looked at brings nothing from outside into a job', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'crucible-outside-'));
  await writeFile(join(outside, 'a.csv'), 'secret');
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data/a.csv'), 'a\n1\n');
  const { blobs } = await temporaryStore();
  const job = { kind: 'solve', name: 'a', script: 'ok.py', inputs: ['data'] };
  const put: string[] = [];
  const watched = {
    ...blobs,
    putFile: async (path: string) => {
      put.push(await readFile(path, 'utf8'));
      return blobs.putFile(path);
    },
  };
  for (const swapped of ['data/a.csv', 'data']) {
    const file = await checkedJob(job, folder);
    await rename(join(folder, swapped), join(folder, 'away'));
    await symlink(join(outside, swapped.replace(/^data\/?/, '')), join(folder, swapped));
    await expect(packFiles(file, watched)).rejects.toThrow('outside the folder of the job');
    await rm(join(folder, swapped));
    await rename(join(folder, 'away'), join(folder, swapped));
  }
  expect(put).not.toContain('secret');
  await rm(outside, { recursive: true });
});

it('a job made of command-line options is refused by the same words, without a line', async () => {
  await expect(checkedJob({ kind: 'optimize', name: 'a', program: 'none.py' }, folder)).rejects.toThrow(
    `program: none.py in ${folder}: there is no such file`,
  );
});
