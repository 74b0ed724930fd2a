import { lbeta as cephesLbeta, compiled, igamc, incbet, lgam, ndtr } from 'cephes';

// The functions are WebAssembly: they throw until it is compiled, so importing this module waits for it, once.
await compiled;

/** ln B(a, b), the logarithm of the beta function, for a and b above 0. */
export function lbeta(a: number, b: number): number {
  return cephesLbeta(a, b);
}

/** ln(1 − I_x(a, b)): I is the regularised incomplete beta function. For x above 0 and below 1. */
export function logUpperBeta(a: number, b: number, x: number): number {
  // The mirror image keeps a small tail's digits, which 1 − I would round away.
  return logLowerBeta(b, a, 1 - x);
}

/** ln I_x(a, b), for x above 0 and below 1, also where I is below the smallest number. */
export function logLowerBeta(a: number, b: number, x: number): number {
  const share = incbet(a, b, x);
  return share > 0 ? Math.log(share) : logFarTail(a, b, x);
}

/** x^a·(1−x)^b/(a·B(a, b)) · (1 + (a+b)/(a+1)·x + …): far below the mean, where nothing else is left, a few terms do. */
function logFarTail(a: number, b: number, x: number): number {
  let [term, sum] = [1, 1];
  for (let k = 0; k < TERMS && term > sum * Number.EPSILON; k += 1) {
    term *= ((a + b + k) / (a + 1 + k)) * x;
    sum += term;
  }
  return a * Math.log(x) + b * Math.log1p(-x) - Math.log(a) - lbeta(a, b) + Math.log(sum);
}

const TERMS = 1000;

/** ln Γ(x) for x above 0. */
export function logGamma(x: number): number {
  return lgam(x);
}

/** ln Q(a, x): Q is the regularised upper incomplete gamma function. −∞ where it is below the smallest number. */
export function logUpperGamma(a: number, x: number): number {
  try {
    return Math.log(igamc(a, x));
  } catch {
    // Underflow is thrown: of Q where x is far above a, of 1 − Q where it is far below.
    return x > a ? Number.NEGATIVE_INFINITY : 0;
  }
}

/** ln Φ(x): Φ is the standard normal distribution. −∞ below about −38. */
export function logNormal(x: number): number {
  return Math.log(ndtr(x));
}
