import type { Weight } from '#lib/units.ts';
import type { Counts, GateRole, Verdict } from './gate.ts';
import { figure, percent, present, type Raw, record, records, share, text } from './raw.ts';

/** One gate as people see it: the verdict, the sentence, and the figures to check it by hand. */
export interface GateView {
  name: string;
  role: GateRole;
  verdict: Verdict;
  cause?: string;
  message: string;
  /** Requests counted since the attempt began. */
  canary?: Counts;
  stable?: Counts;
  /** Evidence that the canary is worse, and evidence that it is not, against the line that each must reach. */
  stop?: Evidence;
  advance?: Evidence;
  spend?: number;
  forecast?: ForecastView;
}

/** What the next weight would burn, in shares of the error budget. */
export interface ForecastView {
  weight: Weight;
  expected: number;
  pessimistic: number;
}

/** A natural logarithm of evidence and the line where it decides. */
export interface Evidence {
  logE: number;
  limit: number;
}

const verdicts: readonly Verdict[] = ['Pass', 'Fail', 'Inconclusive', 'NoData', 'Error'];
const roles: readonly GateRole[] = ['Guardrail', 'Signal', 'Advisory'];

export function gatesOf(value: unknown): GateView[] {
  return records(value).map(gateOf);
}

function gateOf(gate: Raw): GateView {
  return present<GateView>({
    name: text(gate['gate']) ?? text(gate['name']) ?? '',
    role: roles.find((role) => role === gate['role']) ?? 'Guardrail',
    // A verdict that this version does not know is never shown as a good one.
    verdict: verdicts.find((verdict) => verdict === gate['verdict']) ?? 'Error',
    cause: text(gate['cause']),
    message: text(gate['message']) ?? '',
    canary: countsOf(record(gate, 'canary')),
    stable: countsOf(record(gate, 'stable')),
    stop: evidenceOf(gate, 'stop'),
    advance: evidenceOf(gate, 'advance'),
    spend: share(gate['spend']),
    forecast: forecastOf(gate['forecast']),
  });
}

export function forecastOf(value: unknown): ForecastView | undefined {
  const forecast = record(value);
  const weight = percent(forecast['weight']);
  const [expected, pessimistic] = [share(forecast['expected']), share(forecast['pessimistic'])];
  if (weight === undefined || expected === undefined || pessimistic === undefined) return undefined;
  return { weight, expected, pessimistic };
}

function countsOf(counts: Raw): Counts | undefined {
  const total = figure(counts['total']);
  return total === undefined ? undefined : { total, bad: figure(counts['bad']) ?? 0 };
}

/** Figures may be written as texts, because not every CRD wants floats. */
function evidenceOf(gate: Raw, test: 'stop' | 'advance'): Evidence | undefined {
  const nested = record(gate, test);
  const logE = figure(Number(nested['logE'] ?? Number.NaN));
  const limit = figure(Number(nested['limit'] ?? Number.NaN));
  return logE === undefined || limit === undefined || limit <= 0 ? undefined : { logE, limit };
}

/** How far evidence has come, from 0 to 1, for a bar. */
export function progressOf({ logE, limit }: Evidence): number {
  return Math.min(1, Math.max(0, logE / limit));
}
