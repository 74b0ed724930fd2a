import type { Cell, Figure } from './cells.ts';
import type { Scenario } from './traffic.ts';

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
    if (beyond) found.push(`${name} ${print(now)}, committed ${print(before)}`);
  };
  const good = kind === 'good';
  compare('stopped', good ? 'higher' : 'lower', [was.stopped, is.stopped]);
  compare('promoted', good ? 'lower' : 'higher', [was.promoted, is.promoted]);
  if (good) compare('minutes to all traffic', 'higher', [was.minutesToAll, is.minutesToAll]);
  else {
    compare('minutes to stop', 'higher', [was.minutesToStop, is.minutesToStop]);
    compare('excess failures', 'higher', [was.excess, is.excess]);
  }
  return found;
}

function print({ value, low, high }: Figure): string {
  return `${value} (${low} to ${high})`;
}
