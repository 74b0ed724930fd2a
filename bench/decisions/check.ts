import type { Cell, Figure } from './cells.ts';
import type { Scenario } from './traffic.ts';

const ROUNDING = 0.01;

/** A median of fewer is luck. */
const ENOUGH = 10;

/** What got worse in a cell beyond both intervals; empty when nothing did. */
export function regressions(kind: Scenario['kind'], was: Cell, is: Cell): string[] {
  const found: string[] = [];
  const compare = (
    name: string,
    worse: 'higher' | 'lower',
    [before, now]: [Figure | undefined, Figure | undefined],
  ) => {
    if (before === undefined || now === undefined) return;
    const beyond = worse === 'higher' ? now.low > before.high : now.high < before.low;
    // Where every run is the same the interval has no width, and figures are rounded.
    if (beyond && Math.abs(now.value - before.value) > ROUNDING * Math.abs(before.value))
      found.push(`${name} ${print(now)}, committed ${print(before)}`);
  };
  const good = kind === 'good';
  compare('stopped', good ? 'higher' : 'lower', [was.stopped, is.stopped]);
  compare('promoted', good ? 'lower' : 'higher', [was.promoted, is.promoted]);
  if (good && enough('promoted', was, is)) {
    compare('minutes to all traffic', 'higher', [was.minutesToAll, is.minutesToAll]);
  }
  if (!good) {
    if (enough('stopped', was, is)) compare('minutes to stop', 'higher', [was.minutesToStop, is.minutesToStop]);
    compare('excess failures', 'higher', [was.excess, is.excess]);
  }
  return found;
}

function enough(what: 'stopped' | 'promoted', ...cells: readonly Cell[]): boolean {
  return cells.every((cell) => cell[what].value * cell.runs >= ENOUGH);
}

function print({ value, low, high }: Figure): string {
  return `${value} (${low} to ${high})`;
}
