import { createTwoFilesPatch } from 'diff';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyUnified } from '../../domain/patch.ts';

const files = new Map([
  ['main.py', 'import os\nx = 1\ny = 2\nprint(x + y)\n'],
  ['part.py', 'a\nb\nc\nb\nc\n'],
]);
const apply = (patch: string, of: ReadonlyMap<string, string> = files) => applyUnified(of, patch, 'main.py');
const madeOf = (patch: string, of?: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const done = apply(patch, of);
  if (done.kind === 'refused') throw new Error(done.problems.join('\n'));
  return done.files;
};
const problemsOf = (patch: string): string => {
  const done = apply(patch);
  return done.kind === 'refused' ? done.problems.join('\n') : '';
};
const hunk = '@@ -1,3 +1,3 @@\n import os\n-x = 1\n+x = 10\n y = 2\n';

describe('a unified diff', () => {
  it('changes, adds and removes files, and leaves the others', () => {
    const patch = `--- a/main.py\n+++ b/main.py\n${hunk}--- a/part.py\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-a\n-b\n-c\n-b\n-c\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+one\n+two\n`;
    expect(Object.fromEntries(madeOf(patch))).toEqual({
      'main.py': 'import os\nx = 10\ny = 2\nprint(x + y)\n',
      'new.py': 'one\ntwo\n',
    });
  });

  it('that names no file changes the entry; git words before it, and its line endings, change nothing', () => {
    const wanted = 'import os\nx = 10\ny = 2\nprint(x + y)\n';
    expect(madeOf(hunk).get('main.py')).toBe(wanted);
    const git = `diff --git a/main.py b/main.py\nindex 123..456 100644\n--- a/main.py\n+++ b/main.py\n${hunk}`;
    expect(madeOf(git).get('main.py')).toBe(wanted);
    const windows = new Map([['main.py', 'import os\r\nx = 1\r\ny = 2\r\n']]);
    expect(madeOf(hunk, windows).get('main.py')).toBe('import os\r\nx = 10\r\ny = 2\r\n');
  });

  it('is followed where its lines stand at one other place', () => {
    const moved = new Map([['main.py', `# new\n# new\n${files.get('main.py')}`]]);
    expect(madeOf(hunk, moved).get('main.py')).toBe('# new\n# new\nimport os\nx = 10\ny = 2\nprint(x + y)\n');
  });

  it('makes of any text the other one', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '', ' c'), { maxLength: 12 })
      .map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 3 }), (one, other, context) => {
        fc.pre(one !== other);
        const patch = createTwoFilesPatch('a/main.py', 'b/main.py', one, other, '', '', { context });
        expect(madeOf(patch, new Map([['main.py', one]])).get('main.py')).toBe(other);
      }),
    );
  });

  it.each([
    [
      'another line',
      hunk.replace('-x = 1\n', '-x = 3\n'),
      'main.py: hunk 1 (@@ -1,3 +1,3 @@) does not apply: line 2 has "x = 1", and the patch "x = 3"',
    ],
    ['spaces alone', hunk.replace(' y = 2', ' y =  2'), 'line 3 has "y = 2", and the patch "y =  2"'],
    [
      'a second hunk',
      `${hunk}@@ -4,1 +4,1 @@\n-print(x)\n+print(y)\n`,
      'hunk 2 (@@ -4,1 +4,1 @@) does not apply: line 4 has "print(x + y)"',
    ],
    ['lines past the end', '@@ -9,1 +9,1 @@\n-z\n+w\n', 'line 9 has nothing: the file ends before it'],
    ['two places', '--- a/part.py\n+++ b/part.py\n@@ -1,2 +1,2 @@\n b\n-c\n+d\n', 'at 2 others: 2, 4'],
    ['a path that climbs', `--- a/../x.py\n+++ b/../x.py\n${hunk}`, 'expected a path inside the workspace'],
    [
      'an absolute path',
      '--- /dev/null\n+++ /etc/cron.py\n@@ -0,0 +1,1 @@\n+x\n',
      'expected a path inside the workspace',
    ],
    [
      'no such file',
      `--- a/other.py\n+++ b/other.py\n${hunk}`,
      'other.py: the program has no such file to change; it has main.py, part.py',
    ],
    [
      'a file that is there',
      '--- /dev/null\n+++ b/part.py\n@@ -0,0 +1,1 @@\n+x\n',
      'part.py: the patch adds it, and the program has it already',
    ],
    [
      'the entry removed',
      '--- a/main.py\n+++ /dev/null\n@@ -1,4 +0,0 @@\n-import os\n-x = 1\n-y = 2\n-print(x + y)\n',
      'main.py: the program is entered by it',
    ],
    ['a part removed', '--- a/part.py\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n', 'leaves lines of it'],
    [
      'a renamed file',
      'diff --git a/part.py b/p.py\nsimilarity index 100%\nrename from part.py\nrename to p.py\n',
      'got a renamed one (part.py → p.py)',
    ],
    [
      'bytes',
      'diff --git a/part.py b/part.py\nindex 1..2\nBinary files a/part.py and b/part.py differ\n',
      'got one of bytes',
    ],
    ['no diff', 'print(1)\n', 'expected a unified diff with hunks'],
    ['wrong counts', '@@ -1,3 +1,2 @@\n import os\n-x = 1\n+x = 2\n', 'expected a unified diff: '],
  ])('is refused with the place: %s', (_, patch, why) => {
    expect(problemsOf(patch)).toContain(why);
  });
});
