export type Fields = Record<string, unknown>;

/** Tells whether a value has fields, and is no list. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every way to take one value of each name, the last name varying fastest. */
export const combinations = <Value>(
  entries: readonly (readonly [string, readonly Value[]])[],
): Record<string, Value>[] =>
  entries.reduce<Record<string, Value>[]>(
    (before, [name, values]) =>
      before.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value }))),
    [{}],
  );

const reference = /\$\{(\w+)\}/g;

/** Returns the names that stand as `${name}` in the texts of a field, and of all below it. */
export function placeholdersIn(field: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof field === 'string') for (const [, name = ''] of field.matchAll(reference)) found.add(name);
  else if (Array.isArray(field)) for (const each of field) placeholdersIn(each, found);
  else if (isFields(field)) for (const each of Object.values(field)) placeholdersIn(each, found);
  return found;
}

/**
 * Returns a text with what `textOf` gives in place of each `${name}`. Where it gives nothing, that stands as it
 * was.
 */
export const filledText = (text: string, textOf: (name: string) => string | undefined): string =>
  text.replace(reference, (written, name: string) => textOf(name) ?? written);

/** Returns a field in which `change` was made of every text, of all below it, too. */
export function withTexts(field: unknown, change: (text: string) => unknown): unknown {
  if (typeof field === 'string') return change(field);
  if (Array.isArray(field)) return field.map((each) => withTexts(each, change));
  if (!isFields(field)) return field;
  return Object.fromEntries(Object.entries(field).map(([key, each]) => [key, withTexts(each, change)]));
}
