import type { SolveJob, Validator } from './job.schema.ts';
import { functionWords, outputCheckOf } from './judging.ts';

/** Says in one sentence what is checked of an output, so that a person or a model can meet it. */
export function checkWords(check: Validator): string {
  const parts = partsOf(check).filter((part) => part !== null);
  return `${check.path}: ${parts.join(', ')}; not empty`;
}

/** Says what is checked of what a program writes: of each output, and by the user's own check, whose text is nobody's to read. */
export function checksWords({ outputs, ...job }: Pick<SolveJob, 'outputs' | 'check'>): string[] {
  const own = outputCheckOf(job);
  const said = own === null ? [] : [`${functionWords(own)}, a check of the user's, accepts what was written`];
  return [...outputs.map(checkWords), ...said];
}

function partsOf(check: Validator): (string | null)[] {
  switch (check.kind) {
    case 'file':
      return ['a file'];
    case 'image':
      return [
        'a picture that decodes and is not blank',
        bound('pixels wide', check.minWidth, undefined),
        bound('pixels high', check.minHeight, undefined),
      ];
    case 'voxels': {
      const type = `${check.dtype ?? 'float32'}, ${check.byteOrder ?? 'little'}-endian`;
      const edge = check.n === undefined ? 'N³ voxels' : `${check.n}³ voxels`;
      const header = check.header === undefined ? null : `behind a header of ${check.header} bytes`;
      return [`${edge} of ${type}, raw`, header, 'no NaN or infinity', 'not all zero', ...range(check)];
    }
    case 'npy':
      return [
        'an array as numpy.save writes it',
        check.shape === undefined
          ? null
          : `of shape (${check.shape.map((length) => length ?? 'any').join(', ')})`,
        check.dtype === undefined ? null : `of ${check.dtype}`,
        'no NaN or infinity',
        ...range(check),
      ];
    case 'json':
      return [
        'a document in strict JSON',
        check.schema === undefined ? null : `that fits the schema ${JSON.stringify(check.schema)}`,
      ];
    case 'csv':
      return [
        'a table in CSV with a header',
        check.columns === undefined ? null : `with the columns ${check.columns.join(', ')}`,
        bound('rows below the header', check.minRows ?? 1, check.maxRows),
      ];
  }
}

const range = ({ minimum, maximum }: { minimum?: number | undefined; maximum?: number | undefined }) => [
  bound('as values', minimum, maximum),
];

/** `at least 1 and at most 3 WHAT`; null without a bound. */
function bound(what: string, least: number | undefined, most: number | undefined): string | null {
  const bounds = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ];
  return bounds.length === 0 ? null : `${bounds.join(' and ')} ${what}`;
}
