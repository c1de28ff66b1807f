import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ModelRequest } from '../../llm/model.ts';
import type { ReplySchema } from '../../llm/reply-schema.ts';

/** By all that a reply depends on. */
export function replyKey(provider: string, request: ModelRequest, sample: number): string {
  const { schema, ...sent } = request;
  const asked = schema === undefined ? null : { name: schema.name, schema: jsonSchemaOf(schema) };
  return createHash('sha256')
    .update(JSON.stringify([provider, sent, asked, sample]))
    .digest('hex');
}

/** Schemas are few and constant. */
const jsonSchemas = new WeakMap<ReplySchema<unknown>, unknown>();
function jsonSchemaOf(schema: ReplySchema<unknown>): unknown {
  const known = jsonSchemas.get(schema) ?? z.toJSONSchema(schema.schema);
  jsonSchemas.set(schema, known as object);
  return known;
}
