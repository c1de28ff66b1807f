import type { DiagnosisKind } from '../../domain/diagnosis.schema.ts';
import { headline } from '../../domain/trial.ts';
import type { Failure } from './failure.ts';
import { type Finding, finding, nearestName } from './finding.ts';

/** What the grader says of an output, in its own words, by what it means. */
const verdicts: readonly { words: RegExp; kind: DiagnosisKind; suggestion: string }[] = [
  {
    words: /the file is empty|there is no row|is empty\b|rows below the header, got 0\b/,
    kind: 'emptyOutput',
    suggestion:
      'It is written with nothing in it: see whether what is written was there at that point, and the file was closed.',
  },
  {
    words: /blank|every voxel is zero|every pixel is the same/,
    kind: 'blankPicture',
    suggestion:
      'Nothing is drawn on it: see whether coordinates and colours are in range, and it is saved after drawing.',
  },
  {
    words: /NaN or an infinity|NaN is no number|Infinity is no number|holds NaN/,
    kind: 'notANumber',
    suggestion: 'Find the operation that made the first NaN, or infinity; do not replace it at the end.',
  },
  {
    words:
      /pixels, expected|expected the shape|expected an? edge|voxels|rows below the header|expected \d[\d,]* bytes/,
    kind: 'wrongSize',
    suggestion: 'It has another size than is expected: see which value sets it.',
  },
  {
    words: /not a readable|not readable|cannot be read/,
    kind: 'unreadableOutput',
    suggestion:
      'It is not of the format that its name says: write it by a library of that format, and close it.',
  },
];

const missing = /the file is missing|no file matches|as it was placed/;

/** Returns what an output that the grader refused comes of. */
export function findingOfOutputs(failure: Failure): Finding {
  const said = headline(failure.reason);
  if (failure.outcome === 'wrong')
    return finding(
      'differs',
      'It gives something else than is expected: compare the first value that differs.',
    );
  if (missing.test(said)) {
    const wanted = said.split(',')[0] ?? '';
    const names = failure.written.map(({ path }) => path);
    const moved = names.find((path) => path.endsWith(`/${wanted}`)) ?? nearestName(wanted, names);
    return finding(
      'missingOutput',
      moved == null
        ? `Write ${wanted}, by that path below the working directory.`
        : `It wrote ${moved}: write ${wanted}, by that path below the working directory.`,
    );
  }
  const found = verdicts.find(({ words }) => words.test(said));
  return found === undefined
    ? finding('failedCheck', 'The check says what it expected: see where the program makes that part.')
    : finding(found.kind, found.suggestion);
}
