import { shiftOf } from './mann-whitney.ts';
import { at, type Policy, promoted, type Run, stopped, type Wish } from './policy.ts';
import { sum, type Tally, TICKS_PER_MINUTE } from './traffic.ts';
import { qualityOf } from './window.ts';

const SHARE = 0.1;
const JUDGE_EVERY = 10 * TICKS_PER_MINUTE;
const END = 50 * TICKS_PER_MINUTE;

/** The tolerance of the judge: a part of the estimated shift itself. */
const FRACTION = 0.25;

/**
 * `NetflixACAJudge` on one metric that may only rise. Equal or constant data pass; High needs a lower confidence limit
 * above a quarter of the estimated shift, and a ratio of means above 1 where the control's mean is not 0.
 */
export function classify(experiment: readonly number[], control: readonly number[]): 'Pass' | 'High' | 'NoData' {
  if (experiment.length === 0 || control.length === 0) return 'NoData';
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b).join();
  if (sorted(experiment) === sorted(control) || new Set([...experiment, ...control]).size === 1) return 'Pass';
  const base = meanOf(control);
  if (base !== 0 && meanOf(experiment) / base <= 1) return 'Pass';
  const { lower, estimate } = shiftOf(experiment, control);
  return lower > FRACTION * Math.abs(estimate) ? 'High' : 'Pass';
}

function meanOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/**
 * Kayenta: the canary and an equal fresh baseline at 10 % each, one figure per minute, judged every ten
 * minutes on all minutes so far. With one metric the score is 100 or 0, so one High ends it.
 */
export const kayenta: Policy = { name: 'kayenta', title: 'Kayenta', start: () => new KayentaRun() };

class KayentaRun implements Run {
  readonly shares = at(SHARE, SHARE).shares;
  private minute: { canary: Tally; baseline: Tally } = empty();
  private readonly experiment: number[] = [];
  private readonly control: number[] = [];

  tick(...[served, tick]: Parameters<Run['tick']>): Wish {
    if (served.scraped) {
      const { canary, baseline } = this.minute;
      this.minute = { canary: sum([canary, ...served.canary]), baseline: sum([baseline, served.baseline]) };
    }
    if ((tick + 1) % TICKS_PER_MINUTE === 0) this.close();
    if ((tick + 1) % JUDGE_EVERY === 0) {
      // All metrics without data: the judge calls the whole analysis failed.
      if (classify(this.experiment, this.control) !== 'Pass') return stopped;
      if (tick + 1 >= END) return promoted;
    }
    return at(SHARE, SHARE);
  }

  /** A minute without requests is NaN, which the judge's defaults remove. */
  private close(): void {
    const { canary, baseline } = this.minute;
    if (canary.total > 0) this.experiment.push(badness(canary));
    if (baseline.total > 0) this.control.push(badness(baseline));
    this.minute = empty();
  }
}

/** Failures in percent, or the 99th percentile of durations in milliseconds: its root finder needs large figures. */
function badness(tally: Tally): number {
  const quality = qualityOf(tally);
  return tally.within === undefined ? 100 * (1 - quality) : -1000 * quality;
}

function empty(): { canary: Tally; baseline: Tally } {
  return { canary: { total: 0, bad: 0 }, baseline: { total: 0, bad: 0 } };
}
