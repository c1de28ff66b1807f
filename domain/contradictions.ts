/** Bounds that nothing can meet, and where they stand in a check. */
export interface Contradiction {
  path: string[];
  message: string;
}

/** Fields that say a number exactly, beside bounds of it. */
const exact: Record<string, string> = {
  ...{
    width: 'Width',
    height: 'Height',
    frames: 'Frames',
    rows: 'Rows',
    vertices: 'Vertices',
    faces: 'Faces',
  },
};

/** Returns what in a check no file can meet. */
export function contradictions(fields: object): Contradiction[] {
  const found: Contradiction[] = [];
  const given = new Map(Object.entries(fields));
  const numberAt = (name: string): number | undefined => {
    const value = given.get(name);
    return typeof value === 'number' ? value : undefined;
  };
  for (const name of given.keys()) {
    const most = name === 'minimum' ? 'maximum' : name.replace(/^min(?=[A-Z])/, 'max');
    const [low, high] = [numberAt(name), numberAt(most)];
    if (most !== name && low !== undefined && high !== undefined && low > high)
      found.push({ path: [name], message: `nothing can meet it: ${name} ${low} is above ${most} ${high}` });
    const bound = exact[name];
    const value = numberAt(name);
    if (bound === undefined || value === undefined) continue;
    const [least, upper] = [numberAt(`min${bound}`), numberAt(`max${bound}`)];
    if (least !== undefined && value < least)
      found.push({
        path: [name],
        message: `nothing can meet it: ${name} ${value} is below min${bound} ${least}`,
      });
    if (upper !== undefined && value > upper)
      found.push({
        path: [name],
        message: `nothing can meet it: ${name} ${value} is above max${bound} ${upper}`,
      });
  }
  for (const name of ['ranges', 'arrays']) {
    const inner = given.get(name);
    if (typeof inner !== 'object' || inner === null) continue;
    for (const [key, value] of Object.entries(inner))
      if (typeof value === 'object' && value !== null)
        found.push(
          ...contradictions(value).map(({ path, message }) => ({ path: [name, key, ...path], message })),
        );
  }
  return [...found, ...otherContradictions(given)];
}

/** Fields that say what a file is, so that two checks of one file cannot say two things. */
const saysExactly = [...Object.keys(exact), 'dtype', 'shape', 'format', 'mode'];

/**
 * Returns what two checks ask of the same file that no file can meet. Each is told where it stands in the later
 * one, by its index.
 */
export function contradictionsBetween(checks: readonly object[]): Contradiction[] {
  const found: Contradiction[] = [];
  for (const [index, check] of checks.entries()) {
    const later = new Map<string, unknown>(Object.entries(check));
    for (const [before, other] of checks.slice(0, index).entries()) {
      const earlier = new Map<string, unknown>(Object.entries(other));
      if (typeof later.get('path') !== 'string' || later.get('path') !== earlier.get('path')) continue;
      if (later.get('kind') !== earlier.get('kind')) continue;
      for (const name of saysExactly) {
        const [one, two] = [later, earlier].map((each) => JSON.stringify(each.get(name)));
        if (one === undefined || two === undefined || one === two) continue;
        const message = `nothing can meet it: ${name} ${one} here, and ${two} in outputs[${before}] of the same file`;
        found.push({ path: [String(index), name], message });
      }
    }
  }
  return found;
}

function otherContradictions(given: ReadonlyMap<string, unknown>): Contradiction[] {
  const found: Contradiction[] = [];
  const listed = (name: string): string[] =>
    [given.get(name) ?? []].flat().filter((each) => typeof each === 'string');
  for (const both of listed('contains').filter((each) =>
    listed('lacks').some((unwanted) => each.includes(unwanted)),
  ))
    found.push({
      path: ['lacks'],
      message: `nothing can meet it: ${JSON.stringify(both)} is in \`contains\``,
    });
  const columns = listed('columns');
  if (given.get('onlyColumns') === true) {
    if (columns.length === 0)
      found.push({ path: ['onlyColumns'], message: '`onlyColumns` needs `columns`: those there are' });
    const named = ['types', 'ranges'].flatMap((name) => Object.keys(given.get(name) ?? {}));
    for (const other of [...named, ...listed('unique')].filter((name) => !columns.includes(name)))
      found.push({
        path: ['columns'],
        message: `nothing can meet it: ${other} is none of \`columns\`, and there may be no others`,
      });
  }
  const ranged = Object.keys(given.get('ranges') ?? {});
  const types = given.get('types');
  if (typeof types === 'object' && types !== null)
    for (const [name, type] of Object.entries(types))
      if (!['integer', 'number'].includes(type) && ranged.includes(name))
        found.push({
          path: ['ranges', name],
          message: `a range is of numbers, and the type of ${name} is ${type}`,
        });
  if (
    (given.has('minLines') || given.has('maxLines')) &&
    given.get('kind') === 'json' &&
    given.get('lines') !== true
  )
    found.push({
      path: ['lines'],
      message: '`minLines` and `maxLines` need `lines: true`: a document a line',
    });
  found.push(...wrongTypes(given.get('schema'), ['schema']));
  return found;
}

const jsonTypes = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** Returns types in a JSON schema that there are none of: no document could be of one. The rest of it the grader reads. */
function wrongTypes(schema: unknown, path: string[]): Contradiction[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) => {
    const types =
      name === 'type' && (typeof value === 'string' || Array.isArray(value)) ? [value].flat() : [];
    const wrong = types.filter((type) => !jsonTypes.includes(type));
    const own = wrong.map((type) => ({
      path: [...path, name],
      message: `expected a type of JSON (${jsonTypes.join(', ')}), got ${JSON.stringify(type)}`,
    }));
    // What is an example, or a value, is no schema.
    const isValue = ['enum', 'const', 'default', 'examples', 'required'].includes(name);
    return isValue ? own : [...own, ...wrongTypes(value, [...path, name])];
  });
}
