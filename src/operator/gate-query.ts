import type { QuerySli } from '#core/gate.ts';
import type { ProcessSample, TickSamples } from '#gates/samples.ts';
import { OperatorError } from '#lib/errors.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import type { Scope } from '#sources/promql.ts';
import type { Asks, Span } from './gate-asks.ts';

/** More series than this say no more: the gate only tells that there are too many. */
const MAX_NAMED = 100;

/** What a person's query gives at each instant, one sample for each series. Its namespace is forced in where it is sent. */
export async function readQuery(
  asks: Asks,
  { promql }: QuerySli,
  { scope, span }: { scope: Scope; span: Span },
): Promise<(at: Millis) => TickSamples> {
  const grid = await asks.ask({ promql, namespace: scope.namespace }, span);
  return (at) => {
    const points = (grid.get(at) ?? []).slice(0, MAX_NAMED);
    const samples = points.map(({ labels, value, histogram }): ProcessSample => {
      if (histogram !== undefined) throw notANumber();
      return { process: canonicalJson(labels), pod: '', container: '', values: [value], scrapedAt: at };
    });
    return { at, names: ['value'], samples, targets: [] };
  };
}

function notANumber(): OperatorError {
  return new OperatorError(
    'SOURCE_QUERY',
    'the query gives a native histogram; take a number of it, e.g. histogram_sum(…)',
  );
}
