/** A number in a text: what it says, with how many decimals, and whether it is per cent. */
interface Figure {
  text: string;
  value: number;
  decimals: number;
  percent: boolean;
}

// A digit that ends a name, as in c-3 or x2, is no number; neither is a date's or a version's part.
const figurePattern =
  /(?<![\w.-])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?![\w-]|\.\d)\s*%?/giu;

function figuresIn(text: string): Figure[] {
  return [...text.matchAll(figurePattern)].map(([found]) => {
    const percent = found.endsWith('%');
    const plain = found.replace('%', '').trim().replaceAll(',', '').replace('−', '-').toLowerCase();
    const [mantissa = '', exponent = '0'] = plain.split('e');
    const decimals = (mantissa.split('.')[1] ?? '').length - Number(exponent);
    return { text: found.trim(), value: Math.abs(Number(plain)), decimals, percent };
  });
}

/** Whether `told` is what `known` comes to with as many digits as it has. A share may be told in per cent. */
function comesFrom(told: Figure, known: Figure): boolean {
  const scales = told.percent === known.percent ? [1] : told.percent ? [100] : [0.01];
  return scales.some((scale) => {
    const value = known.value * scale;
    const half = 0.5 * 10 ** -told.decimals;
    // A whole number below ten counts something: 1 is not what 0.96 comes to.
    const isCount = told.decimals <= 0 && told.value < 10 && !told.percent;
    return Math.abs(value - told.value) <= (isCount ? 1e-9 : half * (1 + 1e-9));
  });
}

/** Returns the numbers of a text that a record does not have, as they stand. Digits may be fewer than the record's, and no others. */
export function unfounded(text: string, record: string): string[] {
  const known = figuresIn(record);
  const unknown = figuresIn(text).filter((told) => !known.some((each) => comesFrom(told, each)));
  return [...new Set(unknown.map((figure) => figure.text))];
}
