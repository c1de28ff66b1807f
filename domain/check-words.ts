import { functionWords, outputCheckOf } from './judging.ts';
import type { SolveJob } from './kinds/solve.schema.ts';
import type { OutputCheck } from './validator.schema.ts';

/** Says in one sentence what is checked of an output, so that a person or a model can meet it. */
export function checkWords(check: OutputCheck): string {
  if (check.kind === 'exit') return `it ends with the exit status ${check.status}`;
  const parts = partsOf(check).filter((part) => part !== null);
  return `${check.kind === 'stdout' ? 'what it prints' : check.path}: ${parts.join(', ')}; not empty`;
}

/**
 * Says what is checked of what a program writes: of each output, and by the user's own check. The text of that
 * is nobody's to read.
 */
export function checksWords({ outputs, ...job }: Pick<SolveJob, 'outputs' | 'check'>): string[] {
  const own = outputCheckOf(job);
  const said = own === null ? [] : [`${functionWords(own)}, a check of the user's, accepts what was written`];
  return [...outputs.map(checkWords), ...said];
}

function partsOf(check: Exclude<OutputCheck, { kind: 'exit' }>): (string | null)[] {
  switch (check.kind) {
    case 'file':
      return ['a file', bound('bytes', check.minBytes, check.maxBytes)];
    case 'readable':
      return ['at least one such file, each readable as what its name says (a picture, a table, JSON)'];
    case 'equals': {
      const { relative, absolute } = check;
      const numbers = [
        `a relative error of ${relative}`,
        ...(absolute === undefined ? [] : [`an absolute one of ${absolute}`]),
      ].join(' and ');
      return [
        `what ${check.reference} holds, a file of the user's that programs do not see (numbers of CSV, JSON and NumPy within ${numbers}, else every byte)`,
      ];
    }
    case 'text':
      return ['text in UTF-8', ...textParts(check)];
    case 'stdout':
      return ['text in UTF-8', ...textParts(check)];
    case 'image':
      return ['a picture that decodes and is not blank', ...pixelParts(check), alphaWords(check.alpha)];
    case 'video':
      return [
        'a video (MP4, WebM), or an animation (GIF, PNG, WebP), every picture of which decodes, not all blank',
        ...pixelParts(check),
        exactly('pictures', check.frames),
        bound('pictures', check.minFrames, check.maxFrames),
        bound('seconds', check.minSeconds, check.maxSeconds),
        check.moves === undefined ? null : 'pictures that differ',
      ];
    case 'voxels': {
      const type = `${check.dtype ?? 'float32'}, ${check.byteOrder ?? 'little'}-endian`;
      const edge = check.n === undefined ? 'N³ voxels' : `${check.n}³ voxels`;
      const header = check.header === undefined ? null : `behind a header of ${check.header} bytes`;
      return [`${edge} of ${type}, raw`, header, 'no NaN or infinity', 'not all zero', ...range(check)];
    }
    case 'npy':
      return ['an array as numpy.save writes it', ...arrayParts(check)];
    case 'npz':
      return [
        'arrays as numpy.savez writes them',
        ...Object.entries(check.arrays ?? {}).map(
          ([name, array]) =>
            `${name} (${arrayParts(array)
              .filter((part) => part !== null)
              .join(', ')})`,
        ),
      ];
    case 'mesh':
      return [
        'a mesh in STL, OBJ, PLY or OFF, by the ending of its name',
        exactly('vertices', check.vertices),
        bound('vertices', check.minVertices, check.maxVertices),
        exactly('faces', check.faces),
        bound('faces', check.minFaces, check.maxFaces),
        check.watertight === undefined ? null : 'watertight',
        bound('of volume', check.minVolume, check.maxVolume),
      ];
    case 'json':
      return [
        check.lines === undefined ? 'a document in strict JSON' : 'a document in strict JSON on each line',
        check.schema === undefined ? null : `that fits the schema ${JSON.stringify(check.schema)}`,
        bound('lines', check.minLines, check.maxLines),
      ];
    case 'csv':
      return [
        `a table in CSV with a header${check.separator === undefined ? '' : `, cells separated by ${JSON.stringify(check.separator)}`}`,
        ...tableParts(check),
        bound('rows below the header', check.rows ?? check.minRows ?? 1, check.rows ?? check.maxRows),
      ];
    case 'table':
      return [
        'a table in Parquet',
        ...tableParts(check),
        bound('rows', check.rows ?? check.minRows ?? 1, check.rows ?? check.maxRows),
      ];
  }
}

type Of<K extends OutputCheck['kind']> = Extract<OutputCheck, { kind: K }>;

const quoted = (texts: string | readonly string[] | undefined): string[] =>
  [texts ?? []].flat().map((text) => JSON.stringify(text));

const textParts = (check: Of<'text' | 'stdout'>) => [
  ...quoted(check.contains).map((text) => `with ${text} in it`),
  ...quoted(check.lacks).map((text) => `without ${text}`),
  ...quoted(check.matches).map((text) => `something in it matches the regular expression ${text}`),
  bound('lines', check.minLines, check.maxLines),
];

const pixelParts = (check: Of<'image' | 'video'>) => [
  exactly('pixels wide', check.width),
  bound('pixels wide', check.minWidth, check.maxWidth),
  exactly('pixels high', check.height),
  bound('pixels high', check.minHeight, check.maxHeight),
];

const alphaWords = (alpha: boolean | undefined): string | null =>
  alpha === undefined ? null : alpha ? 'parts of it can be seen through' : 'none of it can be seen through';

const arrayParts = (check: Omit<Of<'npy'>, 'kind' | 'path'>) => [
  check.shape === undefined ? null : `of shape (${check.shape.map((length) => length ?? 'any').join(', ')})`,
  check.dtype === undefined ? null : `of ${check.dtype}`,
  'no NaN or infinity',
  ...range(check),
];

const tableParts = (check: Of<'csv' | 'table'>) => [
  check.columns === undefined
    ? null
    : `with the columns ${check.columns.join(', ')}${check.onlyColumns ? ' in this order and no others' : ''}`,
  ...Object.entries(check.types ?? {}).map(([name, type]) => `${name} is ${type}`),
  ...Object.entries(check.ranges ?? {}).map(([name, bounds]) =>
    bound(`in ${name}`, bounds.minimum, bounds.maximum),
  ),
  check.unique === undefined ? null : `no value twice in ${check.unique.join(', ')}`,
];

const exactly = (what: string, count: number | undefined): string | null =>
  count === undefined ? null : `${count} ${what}`;

const range = ({ minimum, maximum }: { minimum?: number | undefined; maximum?: number | undefined }) => [
  bound('as values', minimum, maximum),
];

/** `at least 1 and at most 3 WHAT`; null without a bound. */
function bound(what: string, least: number | undefined, most: number | undefined): string | null {
  const bounds = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ];
  if (least !== undefined && least === most) return `${least} ${what}`;
  return bounds.length === 0 ? null : `${bounds.join(' and ')} ${what}`;
}
