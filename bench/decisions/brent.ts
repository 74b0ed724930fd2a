/** Absolute accuracy that Kayenta's judge gives its solver. On step functions it decides where a root is found. */
const ACCURACY = 1e-4;
const RELATIVE = 1e-14;
const MAX_STEPS = 1000;

type Real = (x: number) => number;

interface Point {
  x: number;
  y: number;
}

/** A root of `f` between two points of different sign by Brent's method, begun in the middle as Commons Math does. */
export function solve(f: Real, { min, max }: { min: number; max: number }): number {
  const point = (x: number): Point => ({ x, y: f(x) });
  const [low, middle, high] = [point(min), point((min + max) / 2), point(max)];
  return middle.y * low.y < 0 ? brent(point, low, middle) : brent(point, middle, high);
}

/** `b` is the best point so far, `a` the one before it, and the root lies between `b` and `c`. */
function brent(point: (x: number) => Point, from: Point, to: Point): number {
  let [a, b, c] = [from, to, from];
  let step = b.x - a.x;
  let last = step;
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    if (Math.abs(c.y) < Math.abs(b.y)) [a, b, c] = [b, c, b];
    const tolerance = 2 * RELATIVE * Math.abs(b.x) + ACCURACY;
    const half = (c.x - b.x) / 2;
    if (Math.abs(half) <= tolerance || b.y === 0) return b.x;
    const guess = stepOf({ a, b, c }, { last, half, tolerance });
    [last, step] = guess === undefined ? [half, half] : [step, guess];
    a = b;
    b = point(b.x + (Math.abs(step) > tolerance ? step : Math.sign(half) * tolerance));
    if (b.y > 0 === c.y > 0) {
      c = a;
      step = b.x - a.x;
      last = step;
    }
  }
  return b.x;
}

interface Bracket {
  a: Point;
  b: Point;
  c: Point;
}

/** The interpolated step from `b`; undefined where it leaves the bracket or shrinks too little: then it is halved. */
function stepOf(at: Bracket, { last, half, tolerance }: { last: number; half: number; tolerance: number }) {
  if (Math.abs(last) < tolerance || Math.abs(at.a.y) <= Math.abs(at.b.y)) return undefined;
  const guess = interpolate(at);
  const inside = guess / half > 0 && Math.abs(guess) < 1.5 * Math.abs(half) - tolerance / 2;
  return inside && Math.abs(guess) < Math.abs(last / 2) ? guess : undefined;
}

/** Secant through two points, inverse parabola through three: the step from `b`. */
function interpolate({ a, b, c }: Bracket): number {
  const s = b.y / a.y;
  if (a === c) return (s * (c.x - b.x)) / (s - 1);
  const [q, r] = [a.y / c.y, b.y / c.y];
  const p = s * ((c.x - b.x) * q * (q - r) - (b.x - a.x) * (r - 1));
  return -p / ((q - 1) * (r - 1) * (s - 1));
}
