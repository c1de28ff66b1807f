import type { z } from 'zod';
import { nearest } from '../../domain/nearest.ts';
import { isFields } from '../../domain/placeholders.ts';

/**
 * One thing that is wrong with a job. It says where that stands, and in words what was expected and what came.
 */
export interface Mistake {
  path: PropertyKey[];
  message: string;
}

/**
 * Names the fields there are, where one is given that is not. It is for `safeParse`, whose issues do not say
 * it, and `mistakesIn`.
 */
export const namingFields: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'unrecognized_keys') return undefined;
  const definition = issue.inst?._zod.def;
  if (definition === undefined || !('shape' in definition)) return undefined;
  return `${fieldsHere}${Object.keys(definition.shape as object).join(', ')}`;
};

const fieldsHere = 'the fields here are ';

function noSuchField(key: string, fields: string): string {
  const meant = fields.startsWith(fieldsHere)
    ? nearest(key, fields.slice(fieldsHere.length).split(', '))
    : null;
  return `there is no such field${meant === null ? '' : ` (did you mean ${meant}?)`}; ${fields}`;
}

/** Words for an issue that zod found (with `reportInput`); a union is told by the alternative that was meant. */
export function mistakesIn(issue: z.core.$ZodIssue): Mistake[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: noSuchField(key, issue.message) }));
  if (issue.code !== 'invalid_union')
    return [{ path, message: `${expectationOf(issue)}${cameOf(issue.input)}` }];

  if ('options' in issue && issue.discriminator !== undefined) {
    const given = isFields(issue.input) ? issue.input[issue.discriminator] : issue.input;
    return [{ path, message: `expected one of ${issue.options?.join(', ')}${cameOf(given)}` }];
  }
  const meant = issue.errors.find((alternative) => !alternative.some(isOfAnotherType));
  if (meant === undefined) {
    const types = issue.errors.flatMap((alternative) =>
      alternative.filter(isOfAnotherType).map(expectedType),
    );
    return [{ path, message: `expected ${types.join(', or ')}${cameOf(issue.input)}` }];
  }
  return meant.flatMap(mistakesIn).map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
}

const isOfAnotherType = (issue: z.core.$ZodIssue): boolean =>
  issue.code === 'invalid_type' && issue.path.length === 0;

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${expectedType(issue)}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      // Text and lists that are too short are empty ones, as a rule.
      if (issue.minimum === 1 && issue.origin in filled) return `expected ${filled[issue.origin]}`;
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return issue.message;
  }
}

const filled: Record<string, string> = { string: 'some text', array: 'at least one in the list' };

const unitOf = (origin: string): string =>
  origin === 'string' ? ' characters' : origin === 'array' ? ' in the list' : '';

const types: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'fields, each a name and a value',
  record: 'fields, each a name and a value',
};

const expectedType = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_type' ? (types[issue.expected] ?? issue.expected) : '';

const longestShown = 80;

/** `, got "x"`; of lists and fields nothing is shown: what is wrong with them stands in the message. */
function cameOf(value: unknown): string {
  if (value === undefined) return '; it is missing';
  if (Array.isArray(value)) return value.length === 0 ? ', got an empty list' : ', got a list';
  if (isFields(value)) return '';
  const text = JSON.stringify(value) ?? String(value);
  return `, got ${text.length > longestShown ? `${text.slice(0, longestShown)}…` : text}`;
}
