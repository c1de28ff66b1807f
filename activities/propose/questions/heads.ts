import type { Artifact } from '../../../domain/artifact.schema.ts';
import { pick, without } from '../../../domain/tree.ts';
import { fileFacts } from '../../../record/file-facts.ts';
import { readTree } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';

/** Bytes of a file that are shown. */
const headBytes = 500;
/** Files whose beginning is shown; the others are named, up to so many. */
const most = { shown: 12, named: 200 };

/**
 * Names the files below `inputs` with their sizes, but for those that are `hidden`. It shows how the first of
 * them begin.
 */
export async function headsOf(
  { blobs }: Store,
  files: Artifact,
  inputs: readonly string[],
  hidden: readonly string[],
): Promise<string> {
  const there = Object.entries(pick(without(await readTree(blobs, files), hidden), inputs)).sort(
    ([one], [other]) => (one < other ? -1 : 1),
  );
  const told = there.slice(0, most.named).map(async ([path, artifact], index) => {
    const { start, bytes } = await blobs.head(artifact, headBytes);
    const size = `${path}, ${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`;
    const facts = index < most.shown ? await fileFacts(blobs, path, artifact) : null;
    const said = facts === null ? size : `${size}, ${facts}`;
    if (index >= most.shown || bytes === 0) return said;
    const whole = bytes <= headBytes ? 'all of it' : 'it begins';
    return isText(start)
      ? `${said}; ${whole}:\n${start.toString('utf8').trimEnd()}`
      : `${said}; ${hex(start)}`;
  });
  const more = there.length - most.named;
  return [...(await Promise.all(told)), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** A text that was cut may end in the middle of a character. */
function isText(start: Buffer): boolean {
  if (start.includes(0)) return false;
  const text = new TextDecoder('utf-8').decode(start);
  return !text.slice(0, -1).includes('\ufffd');
}

const hex = (start: Buffer): string => `binary, begins ${start.subarray(0, 16).toString('hex')}`;
