import { lbeta as cephesLbeta, compiled, incbet } from 'cephes';

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
