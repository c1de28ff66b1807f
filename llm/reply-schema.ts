import { z } from 'zod';

/** What a reply must look like. `name` is shown to the model: letters, digits, `_` and `-`. */
export interface ReplySchema<Value> {
  name: string;
  schema: z.ZodType<Value>;
}

/**
 * What all providers' structured output understands, or their libraries turn into a hint. The rest is refused
 * by some and silently dropped by others. Rules beyond this belong into `refine`, which is checked here on the
 * reply.
 */
const portableKeywords = new Set([
  ...['$schema', '$defs', '$ref', 'title', 'description'],
  ...['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', 'oneOf'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minItems', 'maxItems'],
]);

type Node = { [keyword: string]: unknown };

/** Throws an `Error` naming the place where `schema` leaves the subset that every provider takes: a bug in the caller. */
export function assertPortable({ name, schema }: ReplySchema<unknown>): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw new TypeError(
      `reply schema ${JSON.stringify(name)}: expected a name of letters, digits, _ and -, at most 64`,
    );
  const refuse = (path: string, why: string): never => {
    throw new TypeError(`reply schema ${name}: ${path || 'the root'} ${why}`);
  };
  const visit = (node: Node, path: string): void => {
    for (const keyword of Object.keys(node))
      if (!portableKeywords.has(keyword))
        refuse(path, `uses "${keyword}", which not every provider takes; check it with refine`);
    if (node.type === 'object') {
      // Records become `additionalProperties: {...}`: one provider throws on them, another empties them silently.
      if (node.additionalProperties !== false)
        refuse(path, 'is an open object or a record; expected a closed object');
      const properties = (node.properties ?? {}) as Record<string, Node>; // zod writes a node for every property
      const required = (node.required ?? []) as string[];
      for (const [key, child] of Object.entries(properties)) {
        if (!required.includes(key))
          refuse(`${path}.${key}`, 'is optional; expected nullable: every property must be required');
        visit(child, `${path}.${key}`);
      }
    }
    if (node.items !== undefined) visit(node.items as Node, `${path}[]`);
    for (const branches of [node.anyOf, node.oneOf])
      for (const branch of (branches ?? []) as Node[]) visit(branch, path);
    for (const [key, child] of Object.entries((node.$defs ?? {}) as Record<string, Node>)) visit(child, key);
  };
  const root = z.toJSONSchema(schema) as Node;
  if (root.type !== 'object') refuse('', 'is not an object');
  visit(root, '');
}

/**
 * Returns the value that `text` states as JSON, checked against `schema`. Throws `SyntaxError` or `z.ZodError`.
 * One Markdown fence around the whole is forgiven: servers that ignore the schema tend to write it.
 */
export function readValue<Value>(text: string, { schema }: ReplySchema<Value>): Value {
  const fenced = /^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$/s.exec(text);
  return schema.parse(JSON.parse(fenced?.[1] ?? text));
}
