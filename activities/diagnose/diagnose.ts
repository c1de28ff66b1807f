import type { Diagnosis, FailedAt } from '../../domain/diagnosis.schema.ts';
import { headline } from '../../domain/trial.ts';
import { withShortPaths } from '../try/reason.ts';
import { causeIn, type Failure, type Frame, framesIn, ownFrame, raisedIn } from './failure.ts';
import { type Finding, finding } from './finding.ts';
import type { Hottest } from './hottest.ts';
import { findingOfOutputs } from './outputs.ts';
import { findingOf, guard, outOfMemory, withoutScreen } from './raised.ts';

const longestEvidence = 400;
const longestSuggestion = 800;

/**
 * Returns what a program failed of, by what is known of how it ended and of what it wrote. What is not known for sure is `unknown`: a
 * wrong word sends whoever repairs it the wrong way.
 */
export function diagnose(failure: Failure): Diagnosis {
  const found = findingIn(failure) ?? unknown;
  const { kind, suggestion, fix = null, evidence, place } = found;
  return {
    kind,
    evidence: (evidence ?? headline(failure.reason)).slice(0, longestEvidence),
    place: place ?? null,
    suggestion: suggestion.slice(0, longestSuggestion),
    fix,
  };
}

const unknown = finding(
  'unknown',
  'What it wrote does not say for sure what is wrong: read its last lines, from the end.',
);

function findingIn(failure: Failure): Finding | null {
  switch (failure.outcome) {
    case 'timedOut':
      return ofTimeOut(failure);
    case 'outOfMemory':
      return { ...ofMemory(failure), place: null };
    case 'resourceLimit':
      return ofLimit(failure);
    case 'wrong':
    case 'invalidOutput':
      return findingOfOutputs(failure);
    case 'crashed':
    case 'rejected':
    case 'buildFailed':
      return ofCrash(failure);
    default:
      return null;
  }
}

function ofCrash(failure: Failure): Finding | null {
  const signal = typeof failure.exit === 'string' ? failure.exit : null;
  if (signal !== null) return ofSignal(failure, signal);
  const spawned = ofStartGuard(failure);
  if (spawned !== null) return spawned;
  const found = ofRaised(failure);
  if (found !== null) return found;
  const said =
    ofSourceEncoding(failure) ??
    ofCompiler(failure) ??
    ofSanitizer(failure) ??
    ofArguments(failure) ??
    ofShell(failure) ??
    withoutScreen(failure);
  const raised = raisedIn(failure.stderr);
  return said ?? (raised === null ? null : { ...unknown, place: placed(ownFrame(raised.frames)) });
}

/** Returns what an exception comes of, or what it was explicitly raised from; null where neither is known. */
function ofRaised(failure: Failure): Finding | null {
  const raised = raisedIn(failure.stderr);
  if (raised === null) return null;
  const at = ownFrame(raised.frames);
  const found = findingOf(raised, failure, at);
  if (found === null) {
    // What a package made of another exception, it made for a reason.
    const isOwn = at !== undefined && at === raised.frames.at(-1);
    const stderr = isOwn ? causeIn(failure.stderr) : null;
    return stderr === null ? null : ofRaised({ ...failure, stderr });
  }
  // What it ran may have said itself what was wrong.
  const compiled = found.kind === 'failedCommand' ? ofCompiler(failure) : null;
  return compiled ?? { evidence: raised.evidence, place: placed(at), ...found };
}

/** What a child of `multiprocessing` says is not the last that is said. */
function ofStartGuard(failure: Failure): Finding | null {
  const line = failure.stderr
    .split('\n')
    .find(
      (each) =>
        each.includes('current process has finished its bootstrapping phase') ||
        (/^RuntimeError: context has already been set/.test(each) &&
          failure.stderr.includes('_fixup_main_from_path')),
    );
  return line === undefined ? null : { ...guard(failure, undefined), evidence: line.trim() };
}

/** A source that cannot be decoded is refused before there is a frame. */
function ofSourceEncoding(failure: Failure): Finding | null {
  const line = withShortPaths(failure.stderr)
    .split('\n')
    .find((each) => /^SyntaxError: (?:Non-UTF-8 code|\(unicode error\) 'utf-8'|encoding problem)/.test(each));
  const { program } = failure.around;
  if (line === undefined) return null;
  const at = / on line (\d+)/.exec(line)?.[1];
  return {
    ...finding('sourceEncoding', 'Save the source as UTF-8.', {
      ...{ kind: 'rewrite', rewriting: 'decodeSource', path: program, line: null, told: {} },
    }),
    evidence: line,
    place: { path: program, line: at === undefined ? null : Number(at), within: null },
  };
}

const compilerError = /^(.+?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$/;
const linkerError = /undefined reference to|cannot find -l|multiple definition of|undefined symbol:/;

/** The first error of a compiler, or of a linker, in what was written. */
function ofCompiler(failure: Failure): Finding | null {
  const lines = withShortPaths(failure.stderr).split('\n');
  const errors = lines.flatMap((line) => {
    const [, path, number, message = ''] = compilerError.exec(line) ?? [];
    return path === undefined ? [] : [{ line, path, number: Number(number), message }];
  });
  const [first] = errors;
  if (first !== undefined) {
    const missing = /^(\S+): No such file or directory/.exec(first.message)?.[1];
    return {
      ...finding(
        'compileError',
        missing === undefined
          ? 'Repair the first error; those after it may come of it.'
          : `There is no header ${missing} in a sandbox: do without, or bring it.`,
      ),
      evidence: first.line.trim(),
      place: { path: first.path, line: first.number, within: null },
    };
  }
  const linking = lines.find((line) => linkerError.test(line));
  if (linking !== undefined)
    return {
      ...finding(
        'linkError',
        'What is declared is not defined, or its library is not named: define it, or link with what has it.',
      ),
      evidence: linking.trim(),
    };
  const pythran = lines.find((line) => /^\S+\.py:\d+:\d+ error: /.test(line));
  return pythran === undefined
    ? null
    : {
        ...finding(
          'notCompilable',
          'Pythran cannot compile this: take what it knows, or leave this part to Python.',
        ),
        evidence: pythran,
      };
}

/**
 * What argparse, and what is like it, says where arguments do not fit. Or a script says it that ends by telling
 * how it is used.
 */
function ofArguments({ exit, stderr, stdout }: Failure): Finding | null {
  const refused =
    exit === 2 && /^usage: /im.test(stderr)
      ? stderr.split('\n').findLast((each) => /\berror: /.test(each))
      : undefined;
  const last = (stderr.trim() === '' ? stdout : stderr).trimEnd().split('\n').at(-1) ?? '';
  const line = refused ?? (/^usage: ?\S/i.test(last) ? last : undefined);
  return line === undefined
    ? null
    : {
        ...finding(
          'missingArguments',
          'Give it the arguments that it names in its usage, after the program.',
        ),
        evidence: line.trim(),
      };
}

/** What a shell says of a command that it does not find. */
function ofShell({ stderr }: Failure): Finding | null {
  const line = stderr.split('\n').findLast((each) => shellMisses.test(each));
  const name = shellMisses.exec(line ?? '')?.[1];
  return line === undefined
    ? null
    : {
        ...finding(
          'missingCommand',
          `There is no command ${name} in a sandbox: do the same in Python, or with what is there.`,
        ),
        evidence: line.trim(),
      };
}

const shellMisses = /^(?:\/bin\/)?(?:ba|da)?sh: (?:line )?\d+: ([\w./-]+): (?:command )?not found$/;

function ofSignal(failure: Failure, signal: string): Finding | null {
  const { stderr, reason } = failure;
  const screen = withoutScreen(failure);
  if (screen !== null && (signal === 'SIGABRT' || signal === 'SIGSEGV')) return screen;
  if (/std::bad_alloc/.test(stderr))
    return outOfMemory(mainOf(failure), 'Native code found no more memory. ');
  if (/ is full, it holds /.test(headline(reason)))
    return finding(
      'diskFull',
      'Write less, or remove what is no longer needed; `limits.diskMb` allows more.',
    );
  const frames = stackIn(stderr);
  if (frames.length >= 50 && new Set(frames.map(({ path, line }) => `${path}:${line}`)).size <= 6)
    return {
      ...finding('recursionLimit', 'Calls go deeper than the stack has room for: write a loop.'),
      place: placed(ownFrame([...frames].reverse())),
    };
  if (!/^SIG(?:SEGV|BUS|FPE|ILL|ABRT)$/.test(signal)) return null;
  const modules = /^Extension modules: (.+?)(?: \(total: \d+\))?$/m.exec(stderr)?.[1];
  const own = modules?.split(', ').filter((each) => each in nativeOf(failure));
  return {
    ...finding(
      'nativeCrash',
      `${own === undefined || own.length === 0 ? 'Native code' : `The extension ${own.join(', ')}`} crashed: look for an index beyond the end, a size of 0, a type or layout taken on trust, an object that was freed.`,
    ),
    place: placed(frames.find(({ path }) => path in failure.sources)),
  };
}

/** Returns what AddressSanitizer found, as `sanitize.py` tells it; null where it told nothing. */
function ofSanitizer({ reason, sources }: Failure): Finding | null {
  const found = /^AddressSanitizer: .*/m.exec(reason)?.[0];
  if (found === undefined) return null;
  const [, path = '', line = '0'] = / at ([^\s:]+):(\d+)/.exec(found) ?? [];
  return {
    ...finding('nativeCrash', sanitizerAdvice.find(([told]) => told.test(found))?.[1] ?? beyond),
    evidence: found,
    place: path in sources ? { path, line: Number(line), within: null } : null,
  };
}

const beyond =
  'Native code reads or writes beside its memory: look at the bounds of the indices of that line.';
const sanitizerAdvice: readonly (readonly [RegExp, string])[] = [
  [
    /use-after|double-free|bad-free/,
    'Memory is used after it was freed: keep what owns it for as long as it is used.',
  ],
  [
    /SEGV|null/,
    'An address that is none is read or written: look for a null pointer, or an index far beyond the end.',
  ],
  [/stack-overflow/, 'Calls go deeper than the stack has room for: write a loop.'],
];

/** The extension modules that a program brings, by name. */
const nativeOf = ({ around }: Failure): Record<string, true> =>
  Object.fromEntries(
    around.had.flatMap((path) => {
      const name = /([^/]+?)(?:\.[^/]+)?\.so$/.exec(path)?.[1];
      return name === undefined ? [] : [[name, true] as const];
    }),
  );

/**
 * Returns the stack that Python's fault handler wrote, the innermost frame first. Of several threads the one
 * that it was in.
 */
function stackIn(said: string): Frame[] {
  const lines = withShortPaths(said).split('\n');
  const heads = lines.flatMap((line, index) => (/most recent call first/.test(line) ? [index] : []));
  const start = lines.findLastIndex((line) =>
    /^(?:Current thread|Stack) .*most recent call first/.test(line),
  );
  const from = start >= 0 ? start : heads.at(-1);
  if (from === undefined) return [];
  const end = lines.findIndex((line, index) => index > from && !/^ {2}/.test(line));
  return framesIn(lines.slice(from + 1, end < 0 ? undefined : end));
}

const waits = /\/(?:threading|queue|selectors|subprocess)\.py$|\/multiprocessing\/|\/concurrent\/futures\//;

function ofTimeOut(failure: Failure): Finding {
  const spawned = ofStartGuard(failure);
  if (spawned !== null) return spawned;
  const frames = stackIn(failure.stderr);
  const own = frames.filter(({ path }) => path in failure.sources);
  const [top] = frames;
  const textAt = ({ path, line }: Pick<Frame, 'path' | 'line'>): string =>
    failure.sources[path]?.split('\n')[line - 1]?.trim() ?? '';
  const hottest = failure.hottest != null && failure.hottest.path in failure.sources ? failure.hottest : null;
  const inner = hottest ?? own[0];
  const text = inner === undefined ? '' : textAt(inner);
  const where =
    hottest !== null
      ? ` ${hottestWords(hottest)}: ${text}`
      : inner === undefined
        ? ''
        : ` It stood at ${inner.path}:${inner.line}${wayTo(own)}: ${text}`;
  const waiting = top !== undefined && waits.test(top.path);
  return {
    ...finding(
      'timedOut',
      `${
        waiting
          ? 'It waits for a thread, a process or a lock: see who is to end, or to let go.'
          : /\bsleep\(/.test(text)
            ? 'It sleeps: nothing in a sandbox is worth waiting for.'
            : 'Do less there (a better algorithm, arrays instead of loops), or see whether it ends at all.'
      }${where}`,
    ),
    place: placed(inner),
  };
}

/** Says how a program came to where it stood. */
function wayTo(own: readonly Frame[]): string {
  const around = own.at(-1);
  return around === undefined || around === own[0] ? '' : `, called from line ${around.line}`;
}

/** Says where a program stands most of the time. */
const hottestWords = ({ path, line, within, share, ms }: Hottest): string =>
  `By sampling, ${Math.round(share * 100)} % of its first ${ms / 1000} s went to ${path}:${line}${within === '<module>' ? '' : ` in ${within}`}`;

const mainOf = ({ around: { program }, sources }: Failure) =>
  program in sources ? { path: program, line: 1 } : undefined;

function ofMemory(failure: Failure): Finding {
  const held = / held \d+ MiB of it/.exec(headline(failure.reason));
  return outOfMemory(mainOf(failure), held === null ? '' : 'Files in memory took much of it. ');
}

function ofLimit(failure: Failure): Finding | null {
  switch (failure.reason.split(':', 1)[0]) {
    case 'output':
      return finding(
        'outputTooLong',
        'Print less: a line for each of many steps helps nobody; `limits.outputMb` allows more.',
      );
    case 'fileSize':
      return finding('fileTooLarge', 'Write less, or smaller types; `limits.fileMb` allows more.');
    case 'files':
      return finding(
        'diskFull',
        'Write less, or remove what is no longer needed; `limits.diskMb` allows more.',
      );
    case 'processes':
      return finding(
        'tooManyProcesses',
        'Start fewer processes and threads at once; `limits.processes` allows more.',
      );
    default:
      return null;
  }
}

function placed(frame: Pick<Frame, 'path' | 'line' | 'within'> | undefined): FailedAt | null {
  if (frame === undefined) return null;
  const { path, line, within } = frame;
  return { path, line, within: within === '<module>' ? null : within };
}
