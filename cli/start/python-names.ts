import type { PythonStatement } from './python-source.ts';

/** A `def` or `class` of a source. */
export interface Definition {
  kind: 'def' | 'async def' | 'class';
  name: string;
  line: number;
  decorated: boolean;
  /** What stands between its parentheses; null where it goes on behind what can be read. */
  parameters: string | null;
  /** The definitions it stands in, the outermost first. */
  around: Definition[];
  /** What is in it, without what is in the definitions in it. */
  body: PythonStatement[];
}

/** What can be said of a module's names without running it. */
export interface ModuleNames {
  definitions: Definition[];
  /** The statements of the module itself, outside of every definition. */
  own: PythonStatement[];
  /** Every name that the module itself may have: whatever stands in its own statements, and what functions declare `global`. */
  names: Set<string>;
  /** Whether it may get names in ways that its text does not show. */
  open: boolean;
}

const header =
  /^(async\s+def|def|class)\s+([\p{L}_][\p{L}\p{N}\p{M}_]*)\s*(?:\[[^\]]*\])?\s*(?:\((.*)\))?(?:\s*->.*?)?\s*:\s*(.*)$/u;
const anyName = /(?<![.\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}\p{M}_]*/gu;
const opens =
  /\b(?:exec|eval|globals|setattr|vars|locals|__getattr__|__dict__|modules)\b|^from\b.*\bimport\s*\(?\s*\*/;

/** Divides the statements of a source among its definitions. */
export function namesIn(statements: readonly PythonStatement[]): ModuleNames {
  const found: ModuleNames = { definitions: [], own: [], names: new Set(), open: false };
  let around: { definition: Definition; indent: number }[] = [];
  let decorated = false;
  for (const statement of statements) {
    const { code, indent, line } = statement;
    if (opens.test(code)) found.open = true;
    around = around.filter((outer) => outer.indent < indent);
    if (code.startsWith('@')) {
      decorated = true;
      continue;
    }
    const [, kind, rawName, parameters, rest] = header.exec(code) ?? [];
    const inner = around.at(-1)?.definition;
    if (kind !== undefined && rawName !== undefined) {
      const name = rawName.normalize('NFKC');
      const definition: Definition = {
        kind: kind === 'class' ? kind : kind === 'def' ? kind : 'async def',
        name,
        line,
        decorated,
        parameters: parameters ?? null,
        around: around.map((outer) => outer.definition),
        body: rest ? [{ ...statement, code: rest }] : [],
      };
      found.definitions.push(definition);
      if (inner === undefined) found.names.add(name);
      // What follows on the header's own line is all there is of it.
      if (!rest) around.push({ definition, indent });
    } else if (inner === undefined) {
      found.own.push(statement);
      for (const [name] of code.matchAll(anyName)) found.names.add(name.normalize('NFKC'));
    } else {
      inner.body.push(statement);
      const globals = /^global\s+(.*)$/.exec(code)?.[1] ?? '';
      for (const [name] of globals.matchAll(anyName)) found.names.add(name.normalize('NFKC'));
    }
    decorated = false;
  }
  return found;
}

/**
 * Returns the one function of the module that `name` stands for. Returns null where that cannot be told: there
 * are several, or it is bound anew.
 */
export function functionNamed({ definitions, own }: ModuleNames, name: string): Definition | null {
  const [only, ...others] = definitions.filter((each) => each.name === name && each.around.length === 0);
  const again = own.some(({ code }) =>
    new RegExp(`(?<![.\\p{L}\\p{N}_])${name}\\s*(?::[^=]+)?=(?!=)`, 'u').test(code.normalize('NFKC')),
  );
  return only === undefined || others.length > 0 || again || only.decorated ? null : only;
}

const word = (text: string): RegExp => new RegExp(`(?<![.\\w])${text}(?!\\w)`);
const yields = word('yield');

/** Whether calling it gives a generator. */
export const isGenerator = ({ body }: Definition): boolean => body.some(({ code }) => yields.test(code));

/** Whether it can only give back None. */
export const returnsNothing = ({ body }: Definition): boolean =>
  !body.some(
    ({ code }) => /(?<![.\w])return\s*[^\s;]/.test(code) && !/(?<![.\w])return\s+None\s*$/.test(code),
  ) && !body.some(({ code }) => yields.test(code));

const harmlessCalls = new Set(
  'abs all any bool complex divmod enumerate float int isinstance len list max min pow print range reversed round set sorted str sum tuple zip'.split(
    ' ',
  ),
);
const keywords = new Set(
  'and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
);

/**
 * Tells whether it is sure that a function gives back nothing and changes nothing that it is given. Such a one only binds names of its own,
 * and calls what is known to change nothing. False where that cannot be told.
 */
export function hasNoResult(definition: Definition): boolean {
  const { body, kind } = definition;
  if (kind !== 'def' || !returnsNothing(definition)) return false;
  const numbers = new Set<string>();
  const others = new Set<string>();
  for (const { code } of body) {
    if (/^(?:global|nonlocal|del|with|import|from|exec|raise|assert)\b|:=|^\s*@/.test(code)) return false;
    // A name that is bound to numbers alone can be changed in place without anybody noticing.
    const bound = /^([\p{L}_][\p{L}\p{N}_]*)\s*=(?!=)\s*(.*)$/u.exec(code);
    if (bound?.[1] !== undefined)
      (/^[-+]?[\d.][\w.]*$/.test(bound[2] ?? '') ? numbers : others).add(bound[1]);
  }
  for (const { code } of body) {
    for (const [, called = ''] of code.matchAll(/([\p{L}\p{N}_."\])]+)\s*\(/gu))
      if (!keywords.has(called) && !harmlessCalls.has(called)) return false;
    const target = /^(?:for\s+)?([^=!<>]*?)\s*(?:[-+*/%@&|^]|\*\*|\/\/|<<|>>)?=(?!=)/.exec(code)?.[1];
    if (target !== undefined && /[[\].]/.test(target)) return false;
    if (/^for\s.*[[\].].*\sin\b/.test(code)) return false;
    const added = /^([\p{L}_][\p{L}\p{N}_]*)\s*(?:[-+*/%@&|^]|\*\*|\/\/|<<|>>)=/u.exec(code)?.[1];
    if (added !== undefined && (!numbers.has(added) || others.has(added))) return false;
    const within = /:\s*\S/.test(code) && /^(?:if|for|while|else|elif|try)\b/.test(code);
    if (within && /=(?!=)|\(/.test(code.slice(code.indexOf(':')))) return false;
  }
  return true;
}

const soft = /^(?:match|case|type|print)\b/;
const piece =
  /"\d+"|[\p{L}_][\p{L}\p{N}\p{M}_]*|0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?[jJ]?|\S/gu;
const operand = /^["\p{L}\p{N}_]|^\.\d/u;

const compound = /^(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with)\b/;
const unfinished = /(?:[=+\-/%&|^<>]|\b(?:and|or|not|in|is|lambda|import))$/;

/** Whether brackets close that were never opened, or stay open. */
function isUnbalanced(code: string): boolean {
  const open: string[] = [];
  for (const [bracket] of code.matchAll(/[()[\]{}]/g)) {
    if ('([{'.includes(bracket)) open.push(bracket);
    else if (open.pop() !== { ')': '(', ']': '[', '}': '{' }[bracket]) return true;
  }
  return open.length > 0;
}

/**
 * Returns the first statement that no Python could have; null where there is none. It has two names, numbers or
 * strings side by side, or a bracket too many or too few. Or a line lacks its colon or its end.
 */
export function notPython(statements: readonly PythonStatement[]): PythonStatement | null {
  const isWrong = ({ code }: PythonStatement): boolean => {
    if (isUnbalanced(code) || unfinished.test(code) || (compound.test(code) && !code.includes(':')))
      return true;
    const pieces = [...code.matchAll(piece)].map(([text]) => text);
    return pieces.some((text, index) => {
      const next = pieces[index + 1];
      if (next === undefined || !operand.test(text) || !operand.test(next)) return false;
      if (keywords.has(text) || keywords.has(next)) return false;
      if (index === 0 && soft.test(text) && text !== 'print') return false;
      return !(text.startsWith('"') && next.startsWith('"'));
    });
  };
  return statements.find(isWrong) ?? null;
}
