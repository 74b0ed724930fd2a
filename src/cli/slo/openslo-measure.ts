import { at, type Field, isThere, note, refuse, settle, textOf } from './field.ts';
import { percentOfShare, thresholdText } from './figures.ts';
import {
  type Counted,
  expressionIn,
  fitTogether,
  noteShape,
  readExpression,
  type Sli,
  seriesText,
  sliOf,
  withoutForced,
} from './indicator.ts';

/** What an indicator of OpenSLO comes down to. */
export interface Measured {
  counted: Counted[];
  sli: (namespace: string | undefined) => Sli;
  /** Objective in percent, where the indicator itself says it. */
  objective?: string;
  /** The fields that name a data source. */
  sources: Field[];
}

/** Reads the spec of an SLI. `LeftOut`: it counts no events, which is said in the report. */
export function readMeasure(spec: Field, objective: Field): Measured | 'LeftOut' | undefined {
  const ratio = at(spec, 'ratioMetric');
  const threshold = at(spec, 'thresholdMetric');
  if (isThere(ratio)) return isThere(at(ratio, 'raw')) ? leaveOut(at(ratio, 'raw'), RAW) : readRatio(ratio);
  if (isThere(threshold)) return readThreshold(threshold, objective);
  return refuse(spec, 'has neither ratioMetric nor thresholdMetric: give one');
}

const RAW = 'a ratio has no counts to judge by: give good or bad, and total';
const GAUGE = 'a value over a limit counts no events: only the quantile of a histogram is a share of requests';

function leaveOut(field: Field, why: string): 'LeftOut' {
  note(field, 'Loss', why);
  return 'LeftOut';
}

/** Servers that answer PromQL as Prometheus does. */
const PROMETHEUS = /^(prometheus|thanos|mimir|cortex|victoriametrics)$/i;

function readRatio(ratio: Field): Measured | undefined {
  const counter = at(ratio, 'counter');
  settle(counter);
  const total = readCounter(at(ratio, 'total'), counter);
  const parts = ['good', 'bad'].map((part) => at(ratio, part)).filter(isThere);
  const [given, other] = parts;
  if (given === undefined) return refuse(ratio, 'has neither good nor bad: give one of them');
  if (other !== undefined) return refuse(other, 'goes with no good: give one of the two');
  const part = readCounter(given, counter);
  if (total === undefined || part === undefined || !fitTogether(part, total)) return undefined;
  const counts = given.path.endsWith('.good') ? { total, good: part } : { total, bad: part };
  return {
    counted: [total, part],
    sli: (namespace) => sliOf(counts, namespace),
    sources: [given, at(ratio, 'total')].map((field) => at(field, 'metricSource', 'metricSourceRef')),
  };
}

function readCounter(field: Field, counter: Field): Counted | undefined {
  const query = queryOf(field);
  const read = query === undefined ? undefined : readExpression(query);
  if (query === undefined || read === undefined) return undefined;
  if (read.is !== 'Counter') return refuse(query, 'must be one counter: give it in rate() or increase()');
  if (read.counter.over === undefined && counter.value !== true) {
    const { metric } = read.counter.selector;
    return refuse(query, `${metric} is read as it stands: say counter: true, or write rate(${metric}[5m])`);
  }
  return { field: query, query: read.counter };
}

/** The query of a metric source that speaks PromQL. */
function queryOf(field: Field): Field | undefined {
  const source = at(field, 'metricSource');
  const type = at(source, 'type');
  const spoken = textOf(type);
  if (spoken !== undefined && !PROMETHEUS.test(spoken)) {
    return refuse(type, `${spoken} is not read: gates read Prometheus and servers like it`);
  }
  return at(source, 'spec', 'query');
}

/** A quantile below a limit is a share of requests below it; every other value over a limit is left out. */
function readThreshold(threshold: Field, objective: Field): Measured | 'LeftOut' | undefined {
  const query = queryOf(threshold);
  if (query === undefined) return undefined;
  if (!isThere(query)) return refuse(query, 'is missing: give a PromQL query');
  const read = expressionIn(query);
  if (typeof read === 'string' || read.is !== 'Quantile') return leaveOut(query, GAUGE);
  const [op, value] = [at(objective, 'op'), at(objective, 'value')];
  const below = textOf(op);
  if (below !== 'lt' && below !== 'lte') return refuse(op, 'must be lt or lte: a quantile of good requests is below');
  const limit = thresholdText(Number(textOf(value) ?? Number.NaN));
  if (limit === undefined) return refuse(value, 'must be seconds, such as 0.3, in whole milliseconds');
  const { metric, matchers } = read.counter.selector;
  const base = /^(.+)_bucket$/.exec(metric)?.[1];
  const counted = { field: query, query: { ...read.counter, selector: { metric: base ?? metric, matchers } } };
  return {
    counted: [counted],
    objective: percentOfShare(String(read.quantile)) ?? '',
    sources: [at(threshold, 'metricSource', 'metricSourceRef')],
    sli: (namespace) => {
      noteShape(withoutLe(counted));
      const histogram = seriesText(withoutForced(counted, namespace));
      return { latency: { histogram, threshold: limit, ...(base === undefined ? { form: 'Native' } : {}) } };
    },
  };
}

/** Keeping the buckets apart is what a quantile is made of. */
function withoutLe(counted: Counted): Counted {
  const { apart, ...query } = counted.query;
  const kept = /^by\s*\(\s*le\s*,?\s*\)$/.test(apart ?? '') || apart === 'each series' ? undefined : apart;
  return { field: counted.field, query: kept === undefined ? query : { ...query, apart: kept } };
}
