import { describe, expect, it } from 'vitest';
import { importsIn, pathsIn, statementsOf } from '../../cli/start/python-source.ts';

const modules = (source: string): string[] =>
  importsIn(statementsOf(source)).map(({ module, level }) => `${'.'.repeat(level)}${module}`);

describe('the statements of a Python source', () => {
  it('are what Python takes for one, over lines and brackets, without comments and strings', () => {
    const source = `def f(a,  # the first
      b):
  text = '''import nothing
import less'''; g(text)  # import c
  return a + \\
    b
`;
    expect(statementsOf(source)).toEqual([
      { line: 1, indent: 0, code: 'def f(a,         b):', strings: [] },
      { line: 3, indent: 2, code: 'text = "0"', strings: ['import nothing\nimport less'] },
      { line: 4, indent: 2, code: 'g(text)', strings: [] },
      { line: 5, indent: 2, code: 'return a +      b', strings: [] },
    ]);
  });

  it('have strings of every form, those of f-strings unknown', () => {
    const [{ code, strings } = { code: '', strings: [] }] = statementsOf(
      String.raw`x = r'a\b', b"c\n", f"{d}", "it's", 'say \'no\'', """e"f"""`,
    );
    expect(code).toBe('x = "0", "1", "2", "3", "4", "5"');
    expect(strings).toEqual(['a\\b', 'c\n', null, "it's", "say 'no'", 'e"f']);
  });

  it('are given for what is no Python too', () => {
    expect(statementsOf('x = (1\ny = "open\n}').map(({ line }) => line)).toEqual([1]);
    expect(statementsOf('')).toEqual([]);
  });

  it('are found behind a byte order mark, with tabs and with the line ends of Windows', () => {
    const source = '\uFEFFif a:\r\n\timport b\r\n';
    expect(statementsOf(source).map(({ line, indent }) => [line, indent])).toEqual([
      [1, 0],
      [2, 8],
    ]);
  });
});

describe('the imports of a Python source', () => {
  it('are those of statements and of the import machinery, not those in text and comments', () => {
    expect(modules('import os, numpy as np\nfrom PIL import Image; import a.b')).toEqual([
      'os',
      'numpy',
      'PIL',
      'a.b',
    ]);
    expect(modules('from . import x\nfrom ..y import (z,\n  w)')).toEqual(['.', '..y']);
    expect(modules('importlib.import_module("plug")\n"import text"\n# import comment')).toEqual(['plug']);
    expect(modules('important = 1\nfrom_here = important')).toEqual([]);
  });

  it('carry the names that are taken, and are optional where the program may do without', () => {
    const source = `from parts import (wheel as w, door)
try:
    import fast
except ImportError:
    fast = None
try: import faster
except ImportError: pass
def f():
    import late
`;
    expect(importsIn(statementsOf(source))).toEqual([
      { module: 'parts', level: 0, names: ['wheel', 'door'], line: 1, optional: false },
      { module: 'fast', level: 0, names: [], line: 3, optional: true },
      { module: 'faster', level: 0, names: [], line: 6, optional: true },
      { module: 'late', level: 0, names: [], line: 9, optional: false },
    ]);
  });
});

it('the strings of a source that could be paths are those with an ending or a slash', () => {
  const source = 'open("data/a.csv"); load("b.npy", "rb")\nprint("hello", "*.csv")';
  expect(pathsIn(statementsOf(source))).toEqual([
    { path: 'data/a.csv', line: 1 },
    { path: 'b.npy', line: 1 },
  ]);
});
