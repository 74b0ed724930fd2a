import { lbeta as cephesLbeta, compiled, igamc, incbet, lgam, ndtr } from 'cephes';

// The functions are WebAssembly: they throw until it is compiled, so importing this module waits for it, once.
await compiled;

/** ln B(a, b), the logarithm of the beta function, for a and b above 0. */
export function lbeta(a: number, b: number): number {
  return cephesLbeta(a, b);
}

/** ln(1 − I_x(a, b)): I is the regularised incomplete beta function. −∞ where the tail is below the smallest number. */
export function logUpperBeta(a: number, b: number, x: number): number {
  // The mirror image keeps a small tail's digits, which 1 − I would round away.
  return Math.log(incbet(b, a, 1 - x));
}

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
