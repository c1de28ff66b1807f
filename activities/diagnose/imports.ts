import { dirname } from 'node:path/posix';
import { standardModules } from '../../domain/python-modules.ts';
import { importedAs, modulesBroughtByImport, packageOf } from '../../sandbox/packages.ts';
import { hintOn } from '../try/missing.ts';
import { isForeign } from '../try/reason.ts';
import type { Failure } from './failure.ts';
import { type Finding, finding, linesFrom, nearestName, type Rule, rewrite } from './finding.ts';
import { goneFrom, renamedModules, replacedIn } from './removed.ts';

/** Native code that fits neither this Python nor the packages beside it. */
const misfit =
  /undefined symbol|version `?\w+_[\d.]+'? not found|invalid ELF header|wrong ELF class|compiled against (?:ABI|API) version|compiled using NumPy 1\.x|numpy\.\w+ size changed|multiarray failed to import/;

const builtForAnother: Rule = ({ whole }) =>
  misfit.test(whole)
    ? finding(
        'undefinedSymbol',
        'The native code was built for another Python, or other versions of its packages: build it in the sandbox, or take a version that fits.',
      )
    : null;

const missingLibrary: Rule = ({ message }) => {
  const library = /^(lib[\w.+-]+): cannot open shared object file/.exec(message)?.[1];
  if (library === undefined) return null;
  return /^lib(?:GL|EGL|X11|xcb|gtk)/.test(library)
    ? finding(
        'headlessDisplay',
        `${library} draws on a screen, and a sandbox has none: take a build without one, as opencv-python-headless is.`,
      )
    : finding(
        'missingLibrary',
        `The sandbox has no ${library}: take a package that brings it, or do without.`,
      );
};

/** Returns the program's own file that Python reads in place of a module of that name. */
const hiding = ({ around, sources }: Failure, module: string): string | undefined => {
  const [name = ''] = module.split('.');
  if (!standardModules.has(name) && !hasPackage(around.packages, name)) return undefined;
  const beside = dirname(around.program);
  const path = `${beside === '.' ? '' : `${beside}/`}${name}.py`;
  return path in sources || around.had.includes(path) ? path : undefined;
};

const hasPackage = (packages: readonly string[], name: string): boolean =>
  packages.some((each) => each.split(' ')[0] === name);

const shadowed: Rule = ({ message }, failure) => {
  const module =
    /partially initialized module '([\w.]+)'/.exec(message)?.[1] ??
    /No module named '[\w.]+'; '([\w.]+)' is not a package/.exec(message)?.[1] ??
    /cannot import name '\w+' from '([\w.]+)'/.exec(message)?.[1] ??
    /module '([\w.]+)' has no attribute/.exec(message)?.[1];
  const path = module === undefined ? undefined : hiding(failure, module);
  return path === undefined
    ? null
    : finding(
        'shadowedModule',
        `${path} hides the module ${module} from the program: give the file another name.`,
      );
};

const circular: Rule = ({ message }) =>
  message.includes('most likely due to a circular import')
    ? finding(
        'circularImport',
        'Two modules import each other: move what both need into a third, or import inside of the function that needs it.',
      )
    : null;

const relative: Rule = ({ message }, failure, at) => {
  if (!message.startsWith('attempted relative import')) return null;
  const beside = dirname(failure.around.program);
  const [, named = '', first = ''] = /from \.(\w*) import (\w+)/.exec(at?.text ?? '') ?? [];
  const module = named || first;
  const there = [module, `${module}/__init__`].some((each) =>
    failure.around.had.includes(`${beside === '.' ? '' : `${beside}/`}${each}.py`),
  );
  const isMain = at?.path === failure.around.program;
  return finding(
    'relativeImport',
    hintOn(message, failure.around) ??
      'The import goes above the folder that the program starts in: import by the whole name from there.',
    module !== '' && there && isMain ? rewrite('importAbsolutely', at) : null,
  );
};

const opensWindows = new Set(['tkinter', '_tkinter', 'turtle']);

const missingModule: Rule = ({ short, message }, failure, at) => {
  const module = /^No module named '?([\w.]+)'?/.exec(message)?.[1];
  if (module === undefined || !/^(?:ModuleNotFound|Import)Error$/.test(short)) return null;
  const [name = module] = module.split('.');
  // Python's own windows are left out of a sandbox, and no package brings them.
  if (opensWindows.has(name)) return null;
  const to = renamedModules[module] ?? renamedModules[name];
  if (to !== undefined)
    return finding(
      'missingModule',
      `${module} is called ${to} by now.`,
      rewrite('renameModule', at, { [module in renamedModules ? module : name]: to }),
    );
  const hint = hintOn(message, failure.around) ?? `the sandbox has no ${module}`;
  if (!hint.startsWith('the sandbox has no')) return finding('missingModule', sentence(hint));
  const brought = packageOf(name);
  if (brought !== null)
    return finding('missingModule', sentence(hint), { kind: 'install', package: brought });
  const own = failure.around.packages.map((each) => importedAs(each.split(' ')[0] ?? ''));
  // What the sandbox was given was given for a reason: `nunpy` is no runpy.
  const near =
    nearestName(name, own) ??
    nearestName(name, [...standardModules]) ??
    nearestName(name, modulesBroughtByImport);
  return near === null
    ? finding('missingModule', sentence(hint))
    : finding(
        'missingModule',
        `There is no ${name}; ${near} is meant by the look of it.`,
        rewrite('renameModule', at, { [name]: near }),
      );
};

const isGone = (module: string, name: string, instead: string): Finding =>
  finding('removedApi', `${module} no longer has ${name}: ${instead} does what it did.`);

const missingName: Rule = ({ short, message, whole }, _failure, at) => {
  if (short !== 'ImportError') return null;
  const [, name, module] = /^cannot import name '(\w+)' from '([\w.]+)'/.exec(message) ?? [];
  if (name === undefined || module === undefined) return null;
  const gone = replacedIn(module, name);
  if (gone !== null)
    return finding(
      'removedApi',
      `${module} no longer has ${name}; in its place: ${gone[`${module}.${name}`]?.split(':').at(-1)}.`,
      rewrite('replaceRemoved', at, gone),
    );
  const instead = goneFrom(module, name);
  if (instead !== null) return isGone(module, name, instead);
  const meant = /Did you mean:? '(\w+)'/.exec(whole)?.[1];
  const file = /\(([^()]+)\)/.exec(message)?.[1] ?? '';
  const whose = file !== '' && !isForeign(file) && !file.startsWith('unknown') ? file : module;
  return finding(
    'missingName',
    `${whose} has no ${name}${meant === undefined ? '' : `: is ${meant} meant?`}: look what it has in this version, or where the name went.`,
  );
};

/** What a module has lost, by the words of the attribute's error. */
const removedAttribute: Rule = ({ short, message, whole }, failure, at) => {
  if (short !== 'AttributeError') return null;
  const named =
    /module '([\w.]+)' has no attribute '(\w+)'/.exec(message) ??
    /^`(np)\.(\w+)` was removed/.exec(message) ??
    undefined;
  if (named === undefined) return null;
  const [, from = '', name = ''] = named;
  const module = from === 'np' ? 'numpy' : from;
  const gone = replacedIn(module, name);
  if (gone !== null)
    return finding(
      'removedApi',
      `${module} no longer has ${name}; in its place: ${gone[`${module}.${name}`]?.split(':').at(-1)}.`,
      rewrite('replaceRemoved', at, gone),
    );
  const instead = goneFrom(module, name);
  if (instead !== null) return isGone(module, name, instead);
  if (/was removed|was a deprecated alias|has been removed/.test(whole))
    return finding('removedApi', `${module} no longer has ${name}; what it says: ${message}`);
  const meant = /Did you mean:? '(\w+)'/.exec(whole)?.[1];
  const isOwn = linesFrom(failure, at, 1) !== '';
  return finding(
    'missingName',
    meant !== undefined
      ? `${module} has no ${name}: is ${meant} meant?`
      : `${module} has no ${name}${isOwn ? '' : ', which a package asks it for'}: look what it has in this version.`,
  );
};

/** Returns a hint as a sentence. */
export const sentence = (hint: string): string =>
  `${hint.charAt(0).toUpperCase()}${hint.slice(1)}${/[.!?]$/.test(hint) ? '' : '.'}`;

export const importRules: readonly Rule[] = [
  ...[builtForAnother, missingLibrary, shadowed, circular, relative, missingModule],
  ...[missingName, removedAttribute],
];
