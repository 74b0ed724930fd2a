/** What we use of it: the package's own types are out of reach of its `exports`. */
declare module 'cephes' {
  /** Resolves once the WebAssembly is ready. */
  export const compiled: Promise<void>;
  export function lbeta(a: number, b: number): number;
  export function incbet(a: number, b: number, x: number): number;
  export function lgam(x: number): number;
  export function igamc(a: number, x: number): number;
  export function ndtr(x: number): number;
}
