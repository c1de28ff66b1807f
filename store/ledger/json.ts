import { PayloadTooLarge } from '../../domain/errors.ts';

const limitBytes = 64 * 1024;

/** `value` as the text of a JSON column; undefined becomes null. Throws `PayloadTooLarge` above 64 KB; `what` names it. */
export function toJson(value: unknown, what: string): string {
  const json = JSON.stringify(value ?? null);
  const bytes = Buffer.byteLength(json);
  if (bytes <= limitBytes) return json;
  throw new PayloadTooLarge(
    `${what}: expected at most ${limitBytes} bytes of JSON, got ${bytes}; store it as an artifact and keep its name`,
  );
}
