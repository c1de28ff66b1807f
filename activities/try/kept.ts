import { z } from 'zod';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Keeping } from '../../domain/judging.ts';
import { Limits } from '../../domain/limits.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { pick, placeBelow } from '../../domain/tree.ts';
import { readJson, readProgram } from '../../store/documents.ts';
import type { ActivityContext } from '../context.ts';
import { programsOf } from '../propose/sandbox-programs.ts';
import { python } from './command.ts';
import type { ReturnedFiles } from './judgings.ts';

/** What `silences.py` writes. */
const Found = z.object({ reasons: z.array(z.string()), removes: z.boolean() });

const mostNamed = 5;

/**
 * Returns what tells why a changed program only hides the failure of the one it was made from; null where it
 * does not. Returns what tells why a changed program only hides the failure of the one it was made from. Null
 * where it does not.
 */
export const createHiding =
  ({ store, sandbox }: ActivityContext) =>
  async (
    place: Place,
    { original, gave }: Omit<Keeping, 'gave'> & { gave: ReturnedFiles },
    { program, returned }: { program: Artifact; returned: ReturnedFiles },
    signal: AbortSignal,
  ): Promise<string | null> => {
    const [before, after] = [
      await readProgram(store.blobs, original),
      await readProgram(store.blobs, program),
    ];
    // A module among the inputs that was changed is compared with nothing: it has no part in the original.
    const ran = await sandbox.run(
      {
        key: `${stepKey(place)}/kept`,
        label: place.step,
        argv: [
          ...[python, '-I', '-B', '/in/fixes/silences.py'],
          ...['--before', '/in/before', '--after', '/in/after', '--out', 'found.json'],
        ],
        files: {
          ...placeBelow('fixes', await programsOf('fixes', store.blobs)),
          ...placeBelow('before', before.files),
          ...placeBelow('after', pick(after.files, Object.keys(before.files))),
        },
        limits: Limits.parse({}),
        outputs: ['found.json'],
      },
      signal,
    );
    const written = ran.outputs['found.json'];
    if (written === undefined) return 'it cannot be read, so nobody can tell what it hides';
    const found = await readJson(store.blobs, written, Found);
    const lost = found.removes ? [] : lostFiles(gave, returned);
    const [was, now] = [await linesOf(store, gave.stdout), await linesOf(store, returned.stdout)];
    const reasons = [
      ...found.reasons.map((reason) => `it ${reason}`),
      ...(lost.length === 0
        ? []
        : [
            `${lost.slice(0, mostNamed).join(', ')} was written before it failed, and is now missing or empty`,
          ]),
      ...(now < was ? [`it prints ${now} lines, of the ${was} that were printed before it failed`] : []),
    ];
    return reasons.length === 0 ? null : `this hides the failure: ${reasons.join('; ')}`;
  };

const lostFiles = (gave: ReturnedFiles, returned: ReturnedFiles): string[] => {
  const there = new Set(returned.written.filter(({ bytes }) => bytes > 0).map(({ path }) => path));
  return gave.written.filter(({ path, bytes }) => bytes > 0 && !there.has(path)).map(({ path }) => path);
};

async function linesOf({ blobs }: ActivityContext['store'], stdout: string | null): Promise<number> {
  const text = stdout === null ? '' : await blobs.text(stdout);
  return text.split('\n').filter((line) => line.trim() !== '').length;
}
