import {
  chooseNamespace,
  clusterReasons,
  type Draft,
  keepAnnotations,
  keepDescription,
  keepLabels,
  type Wishes,
} from './draft.ts';
import { at, type Field, isThere, members, note, type Reason, refuse, settle, shown, textOf } from './field.ts';
import { percentOfPercent, prometheusMs, thresholdText, windowText } from './figures.ts';
import { type Counted, namespaceIn, readExpression, type Sli, seriesText, sliOf, withoutForced } from './indicator.ts';

/** Fields of Pyrra that have no place. */
export const pyrraReasons: readonly Reason[] = [
  ...clusterReasons,
  { path: /^spec\.alerting$/, why: 'gates stop releases and alert nobody: export the objective to get alert rules' },
  { path: /^spec\.partial_response_strategy$/, why: 'an answer of a part of the servers is never used' },
  { path: /^spec\.(ruleOutput|performanceOverAccuracy)$/, why: 'no rules are recorded for gates' },
  { path: /^spec\.indicator\.\w+$/, why: 'an objective has one indicator, and the first was taken' },
];

/** One SLO of Pyrra. */
export function readPyrra(root: Field, wishes: Wishes): Draft[] {
  for (const key of ['apiVersion', 'kind']) settle(at(root, key));
  const spec = at(root, 'spec');
  const gauge = at(spec, 'indicator', 'bool_gauge');
  if (isThere(gauge)) {
    const name = shown(at(root, 'metadata', 'name'));
    note(root, 'Loss', `${name} is left out, because bool_gauge says how things are and counts no events`);
    return [];
  }
  const objective = targetOf(at(spec, 'target'));
  const rolling = windowOf(at(spec, 'window'));
  const indicator = readIndicator(at(spec, 'indicator'));
  if (objective === undefined || rolling === undefined || indicator === undefined) return [];
  const namespace = chooseNamespace(at(root, 'metadata', 'namespace'), wishes, namespaceIn(indicator.all));
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  keepLabels(at(root, 'metadata', 'labels'), labels);
  keepAnnotations(at(root, 'metadata', 'annotations'), annotations);
  keepDescription(at(spec, 'description'), annotations);
  const name = at(root, 'metadata', 'name');
  const sli = indicator.sli(namespace);
  const said = { objective: at(spec, 'target'), window: at(spec, 'window') };
  return [{ from: spec, name, namespace, labels, annotations, objective, rolling, sli, said }];
}

function targetOf(field: Field): string | undefined {
  const text = textOf(field);
  const target = text === undefined ? undefined : percentOfPercent(text);
  return target ?? refuse(field, isThere(field) ? 'must be a percent such as "99.9"' : 'is missing: give a percent');
}

function windowOf(field: Field): string | undefined {
  const ms = prometheusMs(textOf(field) ?? '');
  return ms === undefined || ms === 0 ? refuse(field, 'must be a duration such as 28d or 4w') : windowText(ms);
}

interface Indicator {
  all: Counted[];
  sli: (namespace: string | undefined) => Sli;
}

function readIndicator(field: Field): Indicator | undefined {
  const [ratio, latency, native] = ['ratio', 'latency', 'latencyNative'].map((kind) => at(field, kind));
  for (const found of [ratio, latency, native]) {
    if (found === undefined || !isThere(found)) continue;
    noteGrouping(at(found, 'grouping'));
    if (found === native) return nativeLatency(native);
    const total = metric(at(found, 'total', 'metric'));
    const part = metric(at(found, found === ratio ? 'errors' : 'success', 'metric'));
    if (total === undefined || part === undefined) return undefined;
    const counts = found === ratio ? { total, bad: part } : { total, good: part };
    return { all: [total, part], sli: (namespace) => sliOf(counts, namespace) };
  }
  return refuse(field, 'is missing: give ratio, latency or latencyNative');
}

function noteGrouping(field: Field): void {
  if (members(field).length === 0) return;
  note(field, 'Loss', 'an objective is one sum: select what matters by matchers, or write one for each value');
}

/** Pyrra takes the plain selector of a counter and puts the rate around it. */
function metric(field: Field): Counted | undefined {
  const read = readExpression(field);
  if (read === undefined) return undefined;
  if (read.is !== 'Counter') return refuse(field, 'must be the plain selector of one counter');
  return { field, query: read.counter };
}

function nativeLatency(field: Field): Indicator | undefined {
  const total = metric(at(field, 'total', 'metric'));
  const latency = at(field, 'latency');
  const ms = prometheusMs(textOf(latency) ?? '');
  const threshold = ms === undefined ? undefined : thresholdText(ms / 1000);
  if (threshold === undefined) return refuse(latency, 'must be a duration such as 300ms');
  if (total === undefined) return undefined;
  return {
    all: [total],
    sli: (namespace) => {
      const histogram = seriesText(withoutForced(total, namespace));
      return { latency: { histogram, threshold, form: 'Native' } };
    },
  };
}
