import { describe, expect, it } from 'vitest';
import { AskedEnvironment } from '../../domain/job-fields.schema.ts';
import { notLocked, packageName, readRequirements } from '../../domain/requirements.ts';
import { coreLock, learnLock, namedLayers } from '../../sandbox/packages.ts';

describe('a requirements file', () => {
  it('is read with comments, versions, extras, markers, hashes and lines that go on', () => {
    const text = `# what the program needs
pandas>=2,<3   # tables
Scikit_Learn[alldeps] ~= 1.5 ; python_version >= "3.11"

numpy==2.4.6 \\
    --hash=sha256:${'a'.repeat(64)} \\
    --hash=sha256:${'b'.repeat(64)}
    # via pandas
`;
    const { requirements, mistakes } = readRequirements(text);
    expect(mistakes).toEqual([]);
    expect(requirements).toEqual([
      { line: 2, name: 'pandas', text: 'pandas>=2,<3', hashes: [] },
      {
        line: 3,
        name: 'scikit-learn',
        text: 'Scikit_Learn[alldeps] ~= 1.5 ; python_version >= "3.11"',
        hashes: [],
      },
      {
        line: 5,
        name: 'numpy',
        text: 'numpy==2.4.6',
        hashes: [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`],
      },
    ]);
  });

  it.each([
    ['git+https://example.org/x.git', /got an address/],
    ['pandas @ file:///etc/passwd', /got an address/],
    ['./mine.whl', /got a path/],
    ['/tmp/mine', /got a path/],
    ['-e .', /got the option -e/],
    ['-r other.txt', /put what that file names into this one/],
    ['--index-url https://example.org/simple', /PIP_INDEX_URL/],
    ['--config-settings=x', /got the option/],
    ['pandas numpy', /got pandas numpy/],
    ['$(touch x)', /got \$\(touch x\)/],
  ])('takes no %s, which could bring in anything', (line, message) => {
    const { requirements, mistakes } = readRequirements(`numpy\n${line}\n`);
    expect(requirements.map(({ name }) => name)).toEqual(['numpy']);
    expect(mistakes).toEqual([{ line: 2, message: expect.stringMatching(message) }]);
  });

  it('is a lock where each package has one version and a hash', () => {
    const hash = `--hash=sha256:${'a'.repeat(64)}`;
    const text = `a==1.0 ${hash}\nb>=2 ${hash}\nc==3.*  ${hash}\nd==4\ne==5 ; python_version < "4" ${hash}\n`;
    expect(notLocked(readRequirements(text))).toEqual([
      { line: 2, message: 'expected one exact version, as in pandas==2.3.3, got b>=2' },
      { line: 3, message: 'expected one exact version, as in pandas==2.3.3, got c==3.*' },
      { line: 4, message: 'expected --hash=sha256:… behind d==4, found none' },
    ]);
  });

  it('names packages as indexes do', () => {
    expect(packageName('Foo.Bar__baz')).toBe('foo-bar-baz');
  });
});

it.each([
  ['learn', learnLock],
  ['voxel', namedLayers.voxel.lock],
])('the layer `%s` is locked with hashes, and has the versions that every sandbox has', async (_, lock) => {
  const read = readRequirements(await lock());
  expect([...read.mistakes, ...notLocked(read)]).toEqual([]);
  const core = readRequirements(await coreLock()).requirements;
  const versions = new Map(core.map(({ name, text }) => [name, text]));
  const both = read.requirements.filter(({ name }) => versions.has(name));
  expect(both.map(({ name }) => name)).toContain('numpy');
  expect(both.map(({ text }) => text)).toEqual(both.map(({ name }) => versions.get(name)));
});

it('a job asks for one of requirements, a lock, an image and a layer that there is', () => {
  expect(AskedEnvironment.parse({ layer: 'voxel' })).toEqual({ layer: 'voxel' });
  expect(AskedEnvironment.safeParse({ layer: 'voxels' }).success).toBe(false);
  expect(AskedEnvironment.safeParse({ layer: 'voxel', requirements: ['vtk'] }).error?.message).toContain(
    'expected one of',
  );
});
