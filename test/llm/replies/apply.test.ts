import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyReply, ReplyProblem, type ShownProgram } from '../../../llm/prompts/replies/apply.ts';
import { type ProgramReply, programReply } from '../../../llm/prompts/replies/program.ts';
import { readValue } from '../../../llm/reply-schema.ts';

const python = { path: 'fast.py', content: 'import kernel\n' };
const cpp = { path: 'kernel.cpp', content: '#include <nanobind/nanobind.h>\n' };
const nothing: ProgramReply = {
  idea: 'As it is.',
  files: [],
  edits: [],
  removed: [],
  entry: 'fast.py',
  build: 'none',
};
const whole: ProgramReply = { ...nothing, files: [python, cpp], build: 'nanobind' };

/** What `applyReply` has against a reply. */
function problemsOf(reply: ProgramReply, parent: ShownProgram | null): readonly string[] {
  try {
    applyReply(reply, parent);
  } catch (error) {
    if (error instanceof ReplyProblem) return error.problems;
    throw error;
  }
  return [];
}

/** The text of `fast.py` after one edit of it. */
const edited = (content: string, search: string, replace: string): string | undefined =>
  applyReply(
    { ...nothing, edits: [{ path: 'fast.py', search, replace }] },
    { files: [{ path: 'fast.py', content }] },
  ).files[0]?.content;

describe('a program from scratch', () => {
  it('is the files of the reply, with the build its sources need', () => {
    expect(applyReply(whole, null)).toEqual({
      files: [python, cpp],
      entry: 'fast.py',
      build: { tool: 'nanobind', sources: ['kernel.cpp'], fastMath: false },
    });
    expect(applyReply({ ...nothing, files: [python] }, null).build).toBeNull();
  });

  it('may come with a fence around the whole reply', () => {
    expect(readValue(`\`\`\`json\n${JSON.stringify(whole)}\n\`\`\`\n`, programReply)).toEqual(whole);
    expect(() => readValue(JSON.stringify({ ...whole, flags: '-O3' }), programReply)).toThrow('flags');
  });

  const many = Array.from({ length: 21 }, (_, i) => ({ path: `f${i}.py`, content: '' }));
  it.each<[string, Partial<ProgramReply>, string]>([
    ['no files', { files: [] }, 'got no file'],
    ['too many files', { files: many }, 'got 21'],
    [
      'a path that climbs',
      { files: [python, cpp, { path: '../x.py', content: '' }] },
      'inside the workspace',
    ],
    ['an absolute path', { files: [python, cpp, { path: '/etc/x', content: '' }] }, 'inside the workspace'],
    ['a control character in a path', { files: [python, cpp, { path: 'a\nb', content: '' }] }, '"a\\nb"'],
    ['the same path twice', { files: [python, cpp, python] }, 'two files have the path fast.py'],
    [
      'paths that differ in case',
      { files: [python, cpp, { path: 'FAST.py', content: '' }] },
      'upper and lower case alone',
    ],
    [
      'a file that is also a folder',
      { files: [python, cpp, { path: 'a', content: '' }, { path: 'a/b', content: '' }] },
      'both a file and a folder',
    ],
    ['a huge file', { files: [cpp, { path: 'fast.py', content: 'x'.repeat(200_001) }] }, 'at most 200000'],
    [
      'an entry that is not there',
      { entry: 'slow.py' },
      'expected one of fast.py, kernel.cpp, got "slow.py"',
    ],
    ['an entry that is not Python', { entry: 'kernel.cpp' }, 'expected a Python file'],
    ['C++ without a build', { build: 'none' }, 'expected nanobind or pybind11 for kernel.cpp'],
    ['a build without C++', { files: [python] }, 'expected a .cpp file'],
    ['a source in a folder', { files: [python, { path: 'src/k.cpp', content: '' }] }, 'at the top'],
    ['a module hidden by another', { files: [python, { path: 'fast.cpp', content: '' }] }, 'the same module'],
    [
      'edits of nothing',
      { edits: [{ path: 'x.py', search: 'a', replace: 'b' }] },
      'there are fast.py, kernel',
    ],
    ['files removed from nothing', { removed: ['old.py'] }, 'has no old.py; it has none'],
  ])('is not taken with %s', (_, change, message) => {
    expect(problemsOf({ ...whole, ...change }, null).join('\n')).toContain(message);
  });

  it('is told everything that is wrong with it at once', () => {
    const problems = problemsOf(
      { ...whole, files: [cpp, { path: '../x', content: '' }], build: 'none' },
      null,
    );
    expect(problems).toHaveLength(3);
    expect(() => applyReply({ ...whole, files: [] }, null)).toThrow(ReplyProblem);
  });
});

describe('a reply to a program', () => {
  const parent = {
    files: [
      { path: 'fast.py', content: 'def blur(image):\n    return image\n' },
      { path: 'tables.py', content: 'SINES = []\n' },
      cpp,
    ],
  };
  const built = { ...nothing, build: 'nanobind' } as const;

  it('keeps what it does not mention, replaces, adds, edits and removes the rest', () => {
    const { files, build } = applyReply(
      {
        ...nothing,
        files: [
          { path: 'tables.py', content: 'SINES = [0.0]\n' },
          { path: 'more/a.py', content: '' },
        ],
        edits: [{ path: 'fast.py', search: 'return image', replace: 'return image.copy()' }],
        removed: ['kernel.cpp'],
      },
      parent,
    );
    expect(files).toEqual([
      { path: 'fast.py', content: 'def blur(image):\n    return image.copy()\n' },
      { path: 'tables.py', content: 'SINES = [0.0]\n' },
      { path: 'more/a.py', content: '' },
    ]);
    expect(build).toBeNull();
    expect(parent.files).toHaveLength(3);
  });

  it('applies its edits in order, each to what those before it left', () => {
    const edits = [
      { path: 'fast.py', search: 'image', replace: 'picture' },
      { path: 'fast.py', search: 'return image', replace: 'return picture' },
    ];
    expect(problemsOf({ ...built, edits }, parent)[0]).toMatch(
      /^edits\[0\] .* occurs 2 times, at lines 1, 2/,
    );
    const { files } = applyReply({ ...built, edits: edits.toReversed() }, parent);
    expect(files[0]?.content).toBe('def blur(picture):\n    return picture\n');
  });

  it('is not taken where it writes and edits, or writes and removes, the same file', () => {
    const files = [{ path: 'fast.py', content: '' }];
    const edits = [{ path: 'fast.py', search: 'def', replace: 'def' }];
    expect(problemsOf({ ...built, files, edits }, parent)[0]).toMatch(/give it whole, or edit it, not both/);
    expect(problemsOf({ ...built, files, removed: ['fast.py'] }, parent)[0]).toMatch(
      /written or edited as well/,
    );
  });

  it('may keep an entry, many files and long ones, that no reply could have begun with', () => {
    const kept = Array.from({ length: 30 }, (_, i) => ({
      path: `lib/f${i}.py`,
      content: 'x'.repeat(250_000),
    }));
    const script = { path: 'src/slow-script.py', content: 'print(1)\n' };
    const edits = [{ path: script.path, search: '1', replace: '2' }];
    const { files } = applyReply({ ...nothing, entry: script.path, edits }, { files: [script, ...kept] });
    expect(files[0]?.content).toBe('print(2)\n');
  });
});

describe('an edit', () => {
  it('that is not found names the first line that differs from the nearest place', () => {
    const content = 'a = 1\nfor i in range(n):\n    total += x[i]\nb = 2\n';
    const search = 'for i in range(n):\n  total += x[i]\n';
    const edit = { ...nothing, edits: [{ path: 'fast.py', search, replace: '' }] };
    expect(problemsOf(edit, { files: [{ path: 'fast.py', content }] })).toEqual([
      'edits[0] (fast.py): `search` is not in the file. Nearest, the file has "    total += x[i]" at line 3 where `search` has "  total += x[i]"; copy lines of the file exactly, spaces included',
    ]);
  });

  it.each([
    ['nothing like it', 'a = 1\n', 'zebra()', /not in the file, which has 2 lines/],
    [
      'a part of a word',
      'total = 1\n',
      'totals = 1',
      /"total = 1" at line 1 where `search` has "totals = 1"/,
    ],
    ['more lines than there are', 'a = 1', 'a = 1\nb = 2', /the file ends where `search` has "b = 2"/],
    ['nothing', 'a = 1\n', '', /`search` is empty/],
    ['what overlaps itself', 'aaa\n', 'aa', /occurs 2 times, at lines 1, 1/],
  ])('that searches %s is refused with what to do', (_, content, search, message) => {
    expect(() => edited(content, search, 'new')).toThrow(message);
  });

  it('is a unified diff where nothing is searched, with its context as it is', () => {
    const before = 'a = 1\nb = 2\nc = 3\n';
    const diff = '@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 4\n c = 3';
    expect(edited(before, '', diff)).toBe('a = 1\nb = 4\nc = 3\n');
    expect(edited(before, '', `--- a/fast.py\n+++ b/fast.py\n${diff}\n`)).toBe('a = 1\nb = 4\nc = 3\n');
    const problem = (replace: string) =>
      problemsOf(
        { ...nothing, edits: [{ path: 'fast.py', search: '', replace }] },
        { files: [{ path: 'fast.py', content: before }] },
      ).join('\n');
    expect(problem(diff.replace('-b = 2', '-b = 3'))).toMatch(
      /edits\[0\] \(fast\.py\): fast\.py: hunk 1 .* line 2 has "b = 2", and the patch "b = 3"/,
    );
    expect(problem(`${diff}\n--- /dev/null\n+++ b/other.py\n@@ -0,0 +1,1 @@\n+x\n`)).toContain(
      'adds other files',
    );
    expect(problem('--- a/../x.py\n+++ b/../x.py\n@@ -1,1 +1,1 @@\n-a = 1\n+a = 2\n')).toContain(
      'inside the workspace',
    );
  });

  it('keeps line endings, a missing last newline, and characters beyond the first plane', () => {
    expect(edited('a\r\nb\r\nc\r\n', 'a\nb', 'x\ny\nz')).toBe('x\r\ny\r\nz\r\nc\r\n');
    expect(edited('a\nb', 'b', 'c')).toBe('a\nc');
    expect(edited('a\nb\r\nc\n', 'c', 'd')).toBe('a\nb\r\nd\n');
    expect(edited('s = "🧪é"\n', '🧪', '🔬')).toBe('s = "🔬é"\n');
    expect(edited('price\n', 'price', '$& $1 $$')).toBe('$& $1 $$\n');
  });

  const line = fc.oneof(
    fc.constantFrom('', 'x = 1', '    return x'),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  );
  const program = fc
    .array(
      line.map((text) => text.replace(/[\r\n]/g, ' ')),
      { minLength: 1, maxLength: 30 },
    )
    .map((lines) => lines.join('\n'));

  it('of any place of any program gives what stands around it, and the edit back gives the program', () => {
    fc.assert(
      fc.property(program, fc.nat(), fc.nat(), program, fc.boolean(), (text, from, length, put, windows) => {
        const start = from % text.length || 0;
        const search = text.slice(start, start + 1 + (length % 40));
        const once = search !== '' && text.indexOf(search) === text.lastIndexOf(search);
        fc.pre(once && search.isWellFormed());
        const ended = (lines: string): string => (windows ? lines.replaceAll('\n', '\r\n') : lines);
        const expected = text.slice(0, start) + put + text.slice(start + search.length);
        // Without a line end left, nothing says how lines ended.
        fc.pre(!windows || (text.includes('\n') && expected.includes('\n')));
        expect(edited(ended(text), search, put)).toBe(ended(expected));
        if (put !== '' && expected.indexOf(put) === expected.lastIndexOf(put))
          expect(edited(ended(expected), put, search)).toBe(ended(text));
      }),
    );
  });
});
