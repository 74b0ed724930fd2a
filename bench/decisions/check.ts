import type { Cell, Figure, Head } from './cells.ts';
import type { Scenario } from './traffic.ts';

/** A median of fewer is luck. */
const ENOUGH = 10;

/** One release more or less is no regression, and neither is a tick, nor a tenth of a figure. */
const LUCK = 1.5;
const SLACK = { minutes: 0.25, part: 0.1 };

/**
 * What got worse in a cell; empty when nothing did. The same seeds meet the same users, so unchanged code gives the
 * same figures. What is tolerated is half the width of the interval that all committed seeds have: a change below it
 * is one that these seeds cannot tell from none.
 */
export function regressions(kind: Scenario['kind'], was: Cell, is: Head): string[] {
  const before = was.first?.find(({ runs }) => runs === is.runs);
  if (before === undefined) return [`nothing committed over ${is.runs} seeds`];
  const found: string[] = [];
  const share = (name: 'stopped' | 'promoted' | 'reached', worse: 1 | -1) => {
    const tolerated = Math.max(widthOf(was[name], worse), LUCK / is.runs);
    if (worse * (is[name] - before[name]) > tolerated) found.push(line(name, before[name], is[name], tolerated));
  };
  const figure = (name: 'minutesTo95' | 'minutesToStop' | 'excess', committed: Figure | undefined) => {
    const [then, now] = [before[name], is[name]];
    if (then === undefined || now === undefined || committed === undefined) return;
    const slack = name === 'excess' ? 0 : SLACK.minutes;
    const tolerated = Math.max(widthOf(committed, 1), SLACK.part * then, slack);
    if (now - then > tolerated) found.push(line(name, then, now, tolerated));
  };
  const good = kind === 'good';
  share('stopped', good ? 1 : -1);
  share(good ? 'reached' : 'promoted', good ? -1 : 1);
  if (good && many(before.reached, is)) figure('minutesTo95', was.minutesTo95);
  if (!good && many(before.stopped, is)) figure('minutesToStop', was.minutesToStop);
  if (!good) figure('excess', was.excess);
  return found;
}

function many(share: number, { runs }: Head): boolean {
  return share * runs >= ENOUGH;
}

function widthOf({ value, low, high }: Figure, worse: 1 | -1): number {
  return worse > 0 ? high - value : value - low;
}

function line(name: string, before: number, now: number, tolerated: number): string {
  return `${name} ${now}, committed ${before}, tolerated ${Number(tolerated.toPrecision(3))} more or less`;
}
