/**
 * Returns the probability that a value of Student's t distribution with `freedom` degrees is further from 0
 * than `t`. Both sides count.
 */
export function twoSided(t: number, freedom: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** Returns the t that is exceeded on both sides with probability `share`. */
export function quantile(share: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (twoSided(high, freedom) > share) high *= 2;
  for (let round = 0; round < 100; round += 1) {
    const middle = (low + high) / 2;
    if (twoSided(middle, freedom) > share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularized incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges quickly below the mean; above it the other tail is taken.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front =
    Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  const tiny = 1e-300;
  let [c, d] = [1, 1 / unlessZero(1 - ((a + b) * x) / (a + 1), tiny)];
  let fraction = d;
  for (let m = 1; m < 1_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    const before = fraction;
    for (const term of [even, odd]) {
      d = 1 / unlessZero(1 + term * d, tiny);
      c = unlessZero(1 + term / c, tiny);
      fraction *= c * d;
    }
    if (Math.abs(fraction - before) < 1e-15 * Math.abs(fraction)) break;
  }
  return front * fraction;
}

const unlessZero = (value: number, tiny: number): number => (Math.abs(value) < tiny ? tiny : value);

/** Lanczos' approximation with g = 7 and nine terms; good to 15 digits for what is above 0. */
function logGamma(x: number): number {
  const [first = 0, ...terms] = lanczos;
  const y = x - 1;
  const sum = terms.reduce((total, term, index) => total + term / (y + index + 1), first);
  const t = y + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum);
}

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
