import { describe, expect, it } from 'vitest';
import { outcomeOfEnding } from '../../activities/try/outcome-of-ending.ts';
import { placeOfCrash, reasonIn } from '../../activities/try/reason.ts';

const line = (said: string): string | undefined => reasonIn(said).split('\n')[0];

const traceback = (
  error: string,
  frames = '  File "/work/plan.py", line 7, in <module>\n    route(3)\n',
): string => `Traceback (most recent call last):\n${frames}${error}\n`;

describe('the line that says why a Python program failed', () => {
  it('is the exception with the first line of its message', () => {
    expect(line(traceback('ValueError: road 4 is closed:\n  since Monday\n  for a week\n----'))).toBe(
      'ValueError: road 4 is closed:',
    );
    expect(line(traceback('maps.errors.Closed: road 4\nseen by Ada'))).toBe('maps.errors.Closed: road 4');
    expect(line(traceback('ValueError: \n  the road is closed'))).toBe('ValueError: the road is closed');
  });

  it('is that of the last exception of a chain', () => {
    const said = `${traceback("KeyError: 'a'")}\nThe above exception was the direct cause of the following exception:\n\n${traceback('Closed: road 4\nsee above')}`;
    expect(line(said)).toBe('Closed: road 4');
  });

  it('has the place where there is no message, in the files of the user', () => {
    const frames =
      '  File "/work/plan.py", line 7, in <module>\n    assert road > 3\n  File "/opt/crucible/python/lib/python3.11/site-packages/numpy/x.py", line 9, in y\n    raise\n';
    expect(line(traceback('AssertionError', frames))).toBe('AssertionError (plan.py:7: assert road > 3)');
    expect(
      line('  File "/work/plan.py", line 2\n    def f(:\n          ^\nSyntaxError: invalid syntax'),
    ).toBe('SyntaxError: invalid syntax (plan.py:2)');
  });

  it('is the error of a recursion, whose frames are many', () => {
    const frames =
      '  File "plan.py", line 2, in f\n    return f(n)\n           ^^^^\n  [Previous line repeated 992 more times]\n';
    expect(line(traceback('RecursionError: maximum recursion depth exceeded', frames))).toBe(
      'RecursionError: maximum recursion depth exceeded',
    );
    // The beginning was too long to be kept.
    expect(line(`  File "plan.py", line 2, in f\n    return f(n)\nMemoryError: no more`)).toBe(
      'MemoryError: no more',
    );
  });

  it('names what is in an exception group', () => {
    const said = `  + Exception Group Traceback (most recent call last):
  |   File "/work/plan.py", line 2, in <module>
  |     raise ExceptionGroup("roads", [])
  | ExceptionGroup: roads (3 sub-exceptions)
  | a note
  +-+---------------- 1 ----------------
    | ValueError: road 1
    | is closed
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/work/plan.py", line 9, in g
    |     raise TypeError("road 2")
    | TypeError: road 2
    +---------------- 3 ----------------
    | ExceptionGroup: far (1 sub-exception)
    +-+---------------- 1 ----------------
      | KeyError: 3
      +------------------------------------
`;
    expect(line(said)).toBe(
      'ExceptionGroup: roads (3 sub-exceptions): ValueError: road 1; TypeError: road 2; ExceptionGroup: far (1 sub-exception); and 1 more',
    );
  });

  it('is not one of what happened while Python was ending', () => {
    const said = `${traceback('ValueError: road 4')}Exception ignored in: <function Road.__del__>\n${traceback("AttributeError: no 'x'")}`;
    expect(line(said)).toBe('ValueError: road 4');
  });

  it('is what Numba did not know, with the line of the program', () => {
    const said =
      traceback(`numba.core.errors.TypingError: Failed in nopython mode pipeline (step: nopython frontend)
Untyped global name 'toll': Cannot determine Numba type of <class 'function'>

File "../work/plan.py", line 8:
def cost(x):
    <source elided>
        y += toll(v)
        ^

During: Pass nopython_type_inference
`);
    expect(line(said)).toBe(
      "TypingError: Untyped global name 'toll': Cannot determine Numba type of <class 'function'> (../work/plan.py:8)",
    );
    const signature =
      traceback(`numba.core.errors.TypingError: Failed in nopython mode pipeline (step: nopython frontend)
No implementation of function Function(<built-in function add>) found for signature:
 
 >>> add(float64, unicode_type)
 
There are 20 candidate implementations:
`);
    expect(line(signature)).toBe(
      'TypingError: No implementation of function Function(<built-in function add>) found for signature: add(float64, unicode_type)',
    );
    expect(
      line(
        traceback(
          "numba.core.errors.UnsupportedBytecodeError: The 'with' construct is not supported.. Raised from None",
        ),
      ),
    ).toBe("UnsupportedBytecodeError: The 'with' construct is not supported");
  });

  it('is followed by the traceback, as it was written', () => {
    const [first, ...rest] = reasonIn(`checking\n${traceback('ValueError: a\n  b')}`).split('\n');
    expect(first).toBe('ValueError: a');
    expect(rest).toEqual([
      'Traceback (most recent call last):',
      '  File "plan.py", line 7, in <module>',
      '    route(3)',
      'ValueError: a',
      '  b',
    ]);
    expect(reasonIn('no road\n')).toBe('no road');
  });
});

describe('the line that says why something else failed', () => {
  it('is the first error of a compiler', () => {
    const said =
      '/work/toll.cpp: In function ‘int f()’:\n/work/toll.cpp:2:38: error: ‘b’ was not declared\n    2 | b\n/work/toll.cpp:3:1: error: another';
    expect(line(said)).toBe('toll.cpp:2:38: error: ‘b’ was not declared');
    expect(
      line("/usr/bin/ld: toll.o: undefined reference to `far()'\ncollect2: error: ld returned 1 exit status"),
    ).toBe("/usr/bin/ld: toll.o: undefined reference to `far()'");
  });

  it('is the error of Pythran with the line of the source', () => {
    const said =
      "CRITICAL: I am in trouble. Your input file does not seem to match Pythran's constraints...\ntoll.py:3:11 error: Attribute 'far' unknown\n----\n    return x.far(3)\n           ^~~~ (o_0)\n----\n\n";
    expect(line(said)).toBe("toll.py:3:11 error: Attribute 'far' unknown: return x.far(3)");
  });

  it('is the last one with words in it, where none is an error', () => {
    expect(line('looking\nno road leads there\n-----\n')).toBe('no road leads there');
    expect(reasonIn(' \n')).toBe('');
  });
});

describe('the reason of a program that was stopped', () => {
  const said = { stdout: 'read 2 roads\nwaiting for road 3', stderr: 'a warning\n' };

  it('has what it printed last', () => {
    expect(outcomeOfEnding({ kind: 'timedOut', limit: 'wall', limitMs: 4000 }, said)).toEqual({
      kind: 'timedOut',
      reason: 'not done after 4 s of wall time; last printed: waiting for road 3',
    });
    expect(
      outcomeOfEnding({ kind: 'outOfMemory', limitMb: 64 }, { stdout: '', stderr: '10 %\uFFFD20 %' }),
    ).toEqual({
      kind: 'outOfMemory',
      reason: 'needed more than 64 MiB of memory; last printed: 20 %',
    });
    expect(outcomeOfEnding({ kind: 'exited', code: 3 }, { stdout: 'no road', stderr: '' })).toEqual({
      kind: 'crashed',
      reason: 'exit status 3 and no message; last printed: no road',
    });
  });

  it('names the field of the limit it ran into', () => {
    const detail = 'more than 16777216 bytes on standard output and error';
    expect(
      outcomeOfEnding({ kind: 'resourceLimit', resource: 'output', detail }, { stdout: '', stderr: '' }),
    ).toEqual({
      kind: 'resourceLimit',
      reason: 'output: more than 16 MiB on standard output and error (`limits.outputMb`)',
    });
  });

  it('names the line of Python that a native crash happened in', () => {
    const stderr = `Fatal Python error: Segmentation fault

Thread 0x00007f1 (most recent call first):
  File "/work/other.py", line 1 in g

Current thread 0x00007f0 (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/players/candidate/toll.py", line 3 in pay
  File "/sandbox/guest/serve.py", line 5 in <module>

Extension modules: numpy._core (total: 1)
`;
    expect(placeOfCrash(stderr)).toBe('toll.py:3 in pay');
    const outcome = outcomeOfEnding({ kind: 'signalled', signal: 'SIGSEGV' }, { stdout: 'paying', stderr });
    expect(outcome && 'reason' in outcome ? outcome.reason.split('\n')[0] : '').toBe(
      'ended by SIGSEGV at toll.py:3 in pay; last printed: paying',
    );
    expect(placeOfCrash('Current thread 0x0 (most recent call first):\n  <no Python frame>')).toBeNull();
  });
});
