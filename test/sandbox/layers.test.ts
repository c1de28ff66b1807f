import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Listed, type Mounted } from '../../domain/environment.schema.ts';
import type { Layers } from '../../sandbox/layers.ts';
import { failureOf, pipEnvironment } from '../../sandbox/pip.ts';
import { openTestSandbox, python, sandboxKinds, type TestSandbox } from '../support/sandbox.ts';
import { writeWheel } from '../support/wheels.ts';

const signal = new AbortController().signal;
const { kinds } = await sandboxKinds();

test('pip is told how to reach its index, and no secret of anybody', () => {
  const given = {
    PATH: '/bin',
    PIP_INDEX_URL: 'a',
    https_proxy: 'b',
    OPENAI_API_KEY: 'c',
    PIP_TARGET: 'd',
    AWS_PROFILE: 'e',
  };
  expect(pipEnvironment(given)).toEqual({ PATH: '/bin', PIP_INDEX_URL: 'a', https_proxy: 'b' });
});

test.each([
  [
    'ERROR: Could not find a version that satisfies the requirement a==9 (from versions: 1.0, 2.0)\nERROR: No matching distribution found for a==9',
    { name: 'JobRejected', message: /^environment: a==9: the versions with a wheel .* are 1\.0, 2\.0$/ },
  ],
  [
    'ERROR: Cannot install a because these package versions have conflicting dependencies.\n\nThe conflict is caused by:\n    The user requested b<2\n    a 1.0 depends on b>=2\n\nTo fix this you could try to:\n1. loosen',
    { name: 'JobRejected', message: /do not go together: The user requested b<2; a 1\.0 depends on b>=2$/ },
  ],
  ['OSError: [Errno 28] No space left on device', { name: 'StorageFull', message: /no room/ }],
  [
    'ERROR: Something nobody foresaw',
    { name: 'PackagesUnavailable', message: /pip ended with 1: Something/ },
  ],
])('what pip says is told in one line: %s', (said, { name, message }) => {
  const failure = failureOf(said, 1);
  expect(failure.name).toBe(name);
  // By the type it is or is not tried again.
  expect(ensureApplicationFailure(failure).type).toBe(name);
  expect(failure.message).toMatch(message);
});

describe.each(kinds)('packages of a job (%s)', (kind) => {
  let box: TestSandbox;
  let home: string;
  let wheels: string;
  let layers: Layers;
  /** They lie in the user's cache, where others' lie too. */
  const made = new Set<string>();

  beforeAll(async () => {
    box = await openTestSandbox(kind);
    home = await mkdtemp(join(tmpdir(), 'crucible-layers-'));
    wheels = join(home, 'wheels');
    await mkdir(wheels);
    const { layers: all } = box.sandbox;
    if (all === null) throw new Error('expected a sandbox that shows layers');
    layers = {
      ...all,
      async layer(lock, signal) {
        const layer = await all.layer(lock, signal);
        made.add(dirname(layer.folder));
        return layer;
      },
    };
    writeWheel(wheels, {
      name: 'crux-words',
      version: '1.2',
      requires: ['crux-letters>=2'],
      files: { 'crux_words/__init__.py': 'from crux_letters import letters\nWORDS = letters()\n' },
    });
    writeWheel(wheels, {
      name: 'crux-letters',
      version: '2.0',
      files: {
        'crux_letters/__init__.py': "def letters():\n    return 'abc'\n",
        // Neither may take the place of what Python brings itself.
        'string.py': "raise SystemExit('string of a package')\n",
        'networkx/__init__.py': "here = 'networkx of a package'\n",
      },
    });
    writeWheel(wheels, {
      name: 'crux-broken',
      version: '1',
      files: { 'crux_broken.py': 'import crux_gone\n' },
    });
  });
  afterAll(async () => {
    await box.close();
    for (const folder of made) await rm(folder, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
  });
  afterEach(() => vi.unstubAllEnvs());

  const withWheels = (): void => {
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', wheels);
  };
  const mounted = async (lock: string): Promise<Mounted> => ({
    kind: 'layer',
    lock: await box.blobs.put(lock),
  });

  test('what is asked for comes with what it needs, before the packages of the sandbox and after Python itself', async () => {
    withWheels();
    const lock = await layers.lock(['crux-words'], signal);
    expect(lock).toMatch(/^crux-letters==2\.0 \\\n {4}--hash=sha256:[0-9a-f]{64}\ncrux-words==1\.2 \\\n/);
    const { folder, mb } = await layers.layer(lock, signal);
    expect(mb).toBeGreaterThan(0);
    expect(await readdir(folder)).toContain('crux_words');
    const ran = await box.run(
      [
        python,
        '-I',
        '-c',
        'import string, networkx, crux_words; print(crux_words.WORDS, networkx.here, string.digits)',
      ],
      { environment: await mounted(lock) },
    );
    expect(ran.stderr.tail).toBe('');
    expect(ran.stdout.tail.trim()).toBe('abc networkx of a package 0123456789');
    const without = await box.run([python, '-I', '-c', 'import crux_words'], {});
    expect(without.stderr.tail).toContain("No module named 'crux_words'");
  });

  test('the list of packages is of what is there, and says what is missing or cannot be imported', async () => {
    withWheels();
    const environment = await mounted(await layers.lock(['crux-words', 'crux-broken'], signal));
    const argv = [
      '-I',
      '-B',
      '/sandbox/guest/packages.py',
      '--out',
      'list.json',
      '--import',
      'crux-words',
      'crux-broken',
    ];
    const ran = await box.run([python, ...argv], { environment, outputs: ['list.json'] });
    expect(ran.stderr.tail).toBe('');
    const listed = Listed.parse(JSON.parse(await box.blobs.text(ran.outputs['list.json'] ?? '')));
    const added = listed.packages
      .filter((each) => each.added)
      .map(({ name, version }) => `${name} ${version}`);
    expect(added).toEqual(['crux-broken 1', 'crux-letters 2.0', 'crux-words 1.2']);
    expect(listed.packages.find(({ name }) => name === 'scikit-image')).toMatchObject({
      added: false,
      modules: expect.arrayContaining(['skimage']),
    });
    expect(listed.unmet).toEqual([]);
    expect(listed.failing).toEqual([
      {
        package: 'crux-broken',
        module: 'crux_broken',
        error: "ModuleNotFoundError: No module named 'crux_gone'",
      },
    ]);
  });

  test('a layer that was removed is made again of the very same files, or not at all', async () => {
    withWheels();
    const lock = await layers.lock(['crux-letters'], signal);
    const { folder } = await layers.layer(lock, signal);
    await rm(dirname(folder), { recursive: true });
    expect((await layers.layer(lock, signal)).folder).toBe(folder);
    await rm(dirname(folder), { recursive: true });
    const swapped = join(home, 'swapped');
    await mkdir(swapped);
    writeWheel(swapped, { name: 'crux-letters', version: '2.0', files: { 'crux_letters.py': 'x = 1\n' } });
    vi.stubEnv('PIP_FIND_LINKS', swapped);
    await expect(layers.layer(lock, signal)).rejects.toMatchObject({
      name: 'JobRejected',
      message: expect.stringContaining('is not what the lock names: crux-letters==2.0'),
    });
  });

  test('sources are not built: no code of a package runs when it is installed', async () => {
    const source = join(home, 'source/crux_source-1.0');
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'setup.py'), `open(${JSON.stringify(join(home, 'ran'))}, 'w').close()\n`);
    await writeFile(join(source, 'PKG-INFO'), 'Metadata-Version: 2.1\nName: crux-source\nVersion: 1.0\n');
    const { execFileSync } = await import('node:child_process');
    execFileSync('tar', [
      '-czf',
      join(wheels, 'crux_source-1.0.tar.gz'),
      '-C',
      dirname(source),
      'crux_source-1.0',
    ]);
    withWheels();
    await expect(layers.lock(['crux-source'], signal)).rejects.toMatchObject({
      name: 'JobRejected',
      message: expect.stringMatching(/^environment: crux-source: no package index has a wheel of it/),
    });
    await expect(readFile(join(home, 'ran'))).rejects.toThrow();
  });

  test('an index that does not answer is waited for, and said in one line', async () => {
    vi.stubEnv('PIP_FIND_LINKS', '');
    vi.stubEnv('PIP_INDEX_URL', 'http://user:secret@127.0.0.1:9/simple');
    vi.stubEnv('PIP_RETRIES', '0');
    vi.stubEnv('PIP_NO_INDEX', undefined);
    const failure = await layers.lock(['crux-words'], signal).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'PackagesUnavailable' });
    expect(String(failure)).toMatch(
      /no package index answers: http:\/\/127\.0\.0\.1:9: Connection refused\./,
    );
    expect(String(failure)).not.toMatch(/secret|\n/);
  });
});
