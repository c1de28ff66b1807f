import { expect, it } from 'vitest';
import { buildOf, type ProgramReply, programReply } from '../../llm/program-reply.ts';
import { readValue } from '../../llm/reply-schema.ts';

const python = { path: 'fast.py', content: 'import kernel' };
const cpp = { path: 'kernel.cpp', content: '#include <nanobind/nanobind.h>' };
const good: ProgramReply = { idea: 'In C++.', files: [python, cpp], entry: 'fast.py', build: 'nanobind' };
const read = (reply: unknown) => readValue(JSON.stringify(reply), programReply);

it('a program of Python and C++ is read, with the build its sources need', () => {
  const reply = read(good);
  expect(reply).toEqual(good);
  expect(buildOf(reply)).toEqual({
    tool: 'nanobind',
    sources: ['kernel.cpp'],
    fastMath: false,
  });
  expect(buildOf(read({ ...good, files: [python], build: 'none' }))).toBeNull();
});

it('a fence around the whole reply is forgiven', () => {
  expect(readValue(`\`\`\`json\n${JSON.stringify(good)}\n\`\`\`\n`, programReply)).toEqual(good);
});

it.each([
  ['no files', { files: [] }, 'expected 1 to 20 files'],
  [
    'too many files',
    { files: Array.from({ length: 21 }, (_, i) => ({ path: `f${i}.py`, content: '' })) },
    'got 21',
  ],
  ['a path that climbs', { files: [python, cpp, { path: '../x.py', content: '' }] }, 'inside the workspace'],
  ['an absolute path', { files: [python, cpp, { path: '/etc/x', content: '' }] }, 'inside the workspace'],
  [
    'a path with a control character',
    { files: [python, cpp, { path: 'a\nb', content: '' }] },
    'inside the workspace',
  ],
  ['the same path twice', { files: [python, cpp, python] }, 'two files have the path fast.py'],
  ['paths that differ in case', { files: [python, cpp, { path: 'FAST.py', content: '' }] }, 'two files'],
  [
    'a file that is also a folder',
    { files: [python, cpp, { path: 'a', content: '' }, { path: 'a/b', content: '' }] },
    'both',
  ],
  ['a huge file', { files: [cpp, { path: 'fast.py', content: 'x'.repeat(200_001) }] }, 'at most 200000'],
  ['an entry that is not there', { entry: 'slow.py' }, 'expected one of fast.py, kernel.cpp, got slow.py'],
  ['an entry that is not Python', { entry: 'kernel.cpp' }, 'expected a Python file'],
  ['C++ without a build', { build: 'none' }, 'expected nanobind or pybind11 for kernel.cpp'],
  ['a build without C++', { files: [python] }, 'expected a .cpp file'],
  ['a build of another kind', { build: 'make' }, 'build'],
  ['a source in a folder', { files: [python, { path: 'src/k.cpp', content: '' }] }, 'at the top'],
  [
    'a module hidden by another',
    { files: [python, { path: 'fast.cpp', content: '' }] },
    'would be the same module',
  ],
  ['a property too many', { flags: '-O3' }, 'flags'],
])('a program with %s is not taken', (_, change, message) => {
  expect(() => read({ ...good, ...change })).toThrow(message);
});
