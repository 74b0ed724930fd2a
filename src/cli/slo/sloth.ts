import { isRecord } from '#lib/json.ts';
import {
  chooseNamespace,
  clusterReasons,
  type Draft,
  keepAnnotations,
  keepDescription,
  keepLabels,
  keepService,
  type Wishes,
} from './draft.ts';
import { at, type Field, isThere, members, note, oneOf, type Reason, refuse, settle, shown, textOf } from './field.ts';
import { percentOfPercent } from './figures.ts';
import { type Counted, fitTogether, namespaceIn, readExpression, type Sli, sliOf } from './indicator.ts';
import { sameSelector } from './latency.ts';

/** Sloth's own default; another one is an argument of its process and stands in no document. */
const PERIOD = '30d';

/** Fields of Sloth that have no place, by path within one document. */
export const slothReasons: readonly Reason[] = [
  ...clusterReasons,
  { path: /alerting$/, why: 'gates stop releases and alert nobody: export the objective to get alert rules' },
  { path: /(^|\.)slo_?plugins$/i, why: 'plugins of Sloth run in Sloth alone' },
  { path: /(^|\.)plugins$/, why: 'plugins of Sloth run in Sloth alone' },
  { path: /^metadata\.name$/, why: 'objects are named by service and SLO, as in sloth_id', grade: 'Remark' },
];

/** Is this Sloth's file format? Its Kubernetes kind is known by its apiVersion. */
export function isSlothFile(value: unknown): boolean {
  return isRecord(value) && value['version'] === 'prometheus/v1';
}

/** The SLOs of one document of Sloth: `prometheus/v1`, or a PrometheusServiceLevel. */
export function readSloth(root: Field, wishes: Wishes): Draft[] {
  for (const key of ['version', 'apiVersion', 'kind']) settle(at(root, key));
  const spec = isThere(at(root, 'version')) ? root : at(root, 'spec');
  const service = at(spec, 'service');
  if (textOf(service) === undefined) refuse(service, 'is missing: give the name of the service');
  const slos = at(spec, 'slos');
  if (members(slos).length === 0) refuse(slos, 'is empty: there is nothing to import');
  return members(slos).flatMap((slo) => {
    const draft = readOne(slo, { root, spec, wishes });
    return draft === undefined ? [] : [draft];
  });
}

interface Around {
  root: Field;
  spec: Field;
  wishes: Wishes;
}

function readOne(slo: Field, { root, spec, wishes }: Around): Draft | undefined {
  const sli = at(slo, 'sli');
  const left = [at(sli, 'raw'), at(sli, 'plugin')].find(isThere);
  if (left !== undefined) return leaveOut(slo, left);
  const objective = objectiveOf(at(slo, 'objective'));
  const events = readEvents(at(sli, 'events'));
  if (objective === undefined || events === undefined) return undefined;
  const namespace = chooseNamespace(at(root, 'metadata', 'namespace'), wishes, namespaceIn(events.all));
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  for (const from of [at(root, 'metadata', 'labels'), at(spec, 'labels'), at(slo, 'labels')]) keepLabels(from, labels);
  keepAnnotations(at(root, 'metadata', 'annotations'), annotations);
  keepDescription(at(slo, 'description'), annotations);
  keepService(at(spec, 'service'), labels);
  const name = at(slo, 'name');
  const short = textOf(name);
  note(
    oneOf(root, 'version', 'apiVersion'),
    'Remark',
    `periods are an argument of Sloth: ${PERIOD}, its default, is taken`,
  );
  return {
    from: slo,
    name,
    ...(short === undefined ? {} : { named: `${shown(at(spec, 'service'))}-${short}` }),
    namespace,
    labels,
    annotations,
    objective,
    rolling: PERIOD,
    sli: events.sli(namespace),
    said: { objective: at(slo, 'objective') },
  };
}

function leaveOut(slo: Field, sli: Field): undefined {
  const why = sli.path.endsWith('.raw')
    ? 'sli.raw is a ratio, which has no counts to judge by: give events with error_query and total_query'
    : 'a plugin of Sloth makes its queries: write what it makes as events';
  note(slo, 'Loss', `${shown(at(slo, 'name'))} is left out, because ${why}`);
}

function objectiveOf(field: Field): string | undefined {
  const text = textOf(field);
  const objective = text === undefined ? undefined : percentOfPercent(text);
  return objective ?? refuse(field, isThere(field) ? 'must be a percent such as 99.9' : 'is missing: give a percent');
}

/** Sloth's pair of queries. Its usual way to say "slow" is all events less those in a bucket. */
function readEvents(events: Field): { all: Counted[]; sli: (namespace: string | undefined) => Sli } | undefined {
  if (!isThere(events)) return refuse(events, 'is missing: give events with error_query and total_query');
  const total = readTotal(oneOf(events, 'total_query', 'totalQuery'));
  const field = oneOf(events, 'error_query', 'errorQuery');
  const errors = readExpression(field);
  if (total === undefined || errors === undefined) return undefined;
  if (errors.is === 'Quantile') return refuse(field, 'a quantile is no count of events: give a counter in rate()');
  if (errors.is === 'Counter') {
    const bad = { field, query: errors.counter };
    if (!isSpeed(bad) || !fitTogether(bad, total)) return undefined;
    return { all: [total, bad], sli: (namespace) => sliOf({ total, bad }, namespace) };
  }
  const good = { field, query: errors.less };
  if (!sameSelector(errors.from.selector, total.query.selector)) {
    return refuse(field, `"-" may only take the good events from all events, which are ${total.field.path}`);
  }
  if (!isSpeed(good) || !fitTogether(good, total)) return undefined;
  return { all: [total, good], sli: (namespace) => sliOf({ total, good }, namespace) };
}

function readTotal(field: Field): Counted | undefined {
  const read = readExpression(field);
  if (read === undefined) return undefined;
  if (read.is !== 'Counter') return refuse(field, 'must be one counter: give all events in rate()');
  const total = { field, query: read.counter };
  return isSpeed(total) ? total : undefined;
}

function isSpeed({ field, query }: Counted): boolean {
  if (query.over !== undefined) return true;
  refuse(field, `${query.selector.metric} is a bare counter: write rate(${query.selector.metric}[{{.window}}])`);
  return false;
}
