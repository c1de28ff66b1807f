import { NotFinite, PayloadTooLarge } from '../../domain/errors.ts';

const limitBytes = 64 * 1024;

/**
 * `value` as the text of a JSON column; undefined becomes null. Throws `PayloadTooLarge` above 64 KB, and
 * `NotFinite` where a number is none. JSON would make it null, and its reader would find no number. `what`
 * names it.
 */
export function toJson(value: unknown, what: string): string {
  const json = JSON.stringify(value ?? null, (name, each: unknown) => {
    if (typeof each === 'number' && !Number.isFinite(each))
      throw new NotFinite(`${what}: expected a number as ${name || 'its value'}, got ${each}`);
    return each;
  });
  const bytes = Buffer.byteLength(json);
  if (bytes <= limitBytes) return json;
  throw new PayloadTooLarge(
    `${what}: expected at most ${limitBytes} bytes of JSON, got ${bytes}; store it as an artifact and keep its name`,
  );
}
