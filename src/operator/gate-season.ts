import type { BusinessSli, Season, Selector, Slo } from '#core/gate.ts';
import { seasonOf } from '#gates/season.ts';
import type { Millis } from '#lib/units.ts';
import { growthQuery } from '#sources/promql-budget.ts';
import type { Asks, Span } from './gate-asks.ts';

/** What is known of one gate's season. */
export interface SeasonLook {
  /** On the monotonic clock. */
  askedAt: Millis;
  /** The source could not say. */
  failed: boolean;
  /** Undefined while the first answer is under way. */
  season: Season | undefined;
}

/** What is usual moves with the weeks, and what is now is of ten minutes: no more is learned by asking at every tick. */
const FRESH_MS: Millis = 300_000;
/** A source that did not answer is asked again sooner, though not at every tick. */
const RETRY_MS: Millis = 60_000;
/** Shorter is noise, longer is blurred with the time before the release. */
const OVER_MS: Millis = 600_000;
const WEEK_MS: Millis = 604_800_000;
/** Gates that look in the same minute ask for the same instants, and what is the same is asked once. */
const GRID_MS: Millis = 60_000;

interface Seasonal {
  weeks: number;
  counter: Selector;
}

/** Undefined where nobody asked for a comparison with earlier weeks. */
function seasonalOf({ sli }: Slo): Seasonal | undefined {
  if (sli.kind !== 'business' || sli.seasonal === undefined) return undefined;
  const counter = counterOf(sli);
  return counter && { ...sli.seasonal, counter };
}

function counterOf({ events, value }: BusinessSli): Selector | undefined {
  return events ?? value;
}

export function isSeasonDue(slo: Slo, look: SeasonLook | undefined, now: Millis): boolean {
  if (seasonalOf(slo) === undefined) return false;
  return look === undefined || now - look.askedAt >= (look.failed ? RETRY_MS : FRESH_MS);
}

/** Whose season it is, and when. */
export interface SeasonWanted {
  slo: Slo;
  /** `<namespace>/<rollout>`. */
  key: string;
  /** Wall clock. */
  now: Millis;
  scrapeMs: Millis;
}

/**
 * One question, a week from each instant to the next. It goes where people's own queries go, so that it holds up no gate.
 * Never throws: what went wrong is what is told.
 */
export async function lookAtSeason(asks: Asks, wanted: SeasonWanted): Promise<Pick<SeasonLook, 'season' | 'failed'>> {
  const { slo, key, now, scrapeMs } = wanted;
  const seasonal = seasonalOf(slo);
  if (seasonal === undefined) return { season: undefined, failed: false };
  const { weeks, counter } = seasonal;
  const [namespace = '', rollout = ''] = key.split('/');
  const to = Math.floor((now - scrapeMs) / GRID_MS) * GRID_MS;
  const span: Span = { from: to - weeks * WEEK_MS, to, stepMs: WEEK_MS };
  try {
    const promql = growthQuery(slo, counter, { scope: { namespace, rollout }, overMs: OVER_MS });
    const grid = await asks.ask({ promql, namespace }, span);
    const at = (instant: Millis) => grid.get(instant)?.[0]?.value;
    const before = Array.from({ length: weeks }, (_, week) => at(to - (week + 1) * WEEK_MS) ?? Number.NaN);
    const season = seasonOf({ now: at(to), before }, { metric: counter.metric, weeks, overMs: OVER_MS });
    return { season, failed: false };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'the source could not be read';
    return { season: { message: `${counter.metric} could not be compared with earlier weeks: ${why}` }, failed: true };
  }
}
