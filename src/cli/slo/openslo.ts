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
import { at, type Field, isThere, members, note, type Reason, refuse, settle, shown, textOf } from './field.ts';
import { percentOfPercent, percentOfShare } from './figures.ts';
import { namespaceIn } from './indicator.ts';
import { type Measured, readMeasure } from './openslo-measure.ts';
import { readTimeWindow } from './openslo-window.ts';

const ALERTS = 'gates stop releases and alert nobody: export the objective to get alert rules';

/** Fields of OpenSLO that have no place. */
export const openSloReasons: readonly Reason[] = [
  ...clusterReasons,
  { path: /^spec\.alertPolicies$/, why: ALERTS },
  { path: /displayName$/, why: 'objects are shown by their names' },
  { path: /(^|\.)indicator\.metadata/, why: 'an indicator within an objective has no name of its own' },
  { path: /metricSourceRef$/, why: 'sources have names of their own here: --source names the MetricSource to read' },
  { path: /timeSlice(Target|Window)$/, why: 'events are counted one by one, not slices of time' },
  { path: /^spec\.(indicator\.spec\.)?description$/, why: 'the description of the SLO is kept, not that of its SLI' },
  { path: /compositeWeight$/, why: 'every objective is judged by itself' },
  { path: /^spec\.objectives\[\]\.(op|value)$/, why: 'OpenSLO itself uses it with a thresholdMetric alone' },
];

/** Kinds of OpenSLO that are no objectives, and why they have no place. */
const otherKinds: ReadonlyMap<string, string> = new Map([
  ['DataSource', 'write a MetricSource, whose credentials are bound to its host'],
  ['AlertPolicy', ALERTS],
  ['AlertCondition', ALERTS],
  ['AlertNotificationTarget', ALERTS],
  ['Service', 'the service of an SLO becomes a label of its objectives'],
]);

/** All documents of OpenSLO v1 together, because an SLO may name an SLI that stands elsewhere. */
export function readOpenSlo(roots: readonly Field[], wishes: Wishes): Draft[] {
  const slis = new Map<string, Field>();
  for (const root of roots) {
    for (const key of ['apiVersion', 'kind']) settle(at(root, key));
    const kind = shown(at(root, 'kind'));
    if (kind === 'SLI') keepSli(root, slis);
    else if (kind !== 'SLO') leaveOut(root, kind);
  }
  const used = new Set<Field>();
  const drafts = roots
    .filter((root) => at(root, 'kind').value === 'SLO')
    .flatMap((root) => readSlo(root, { wishes, find: (name) => finder(slis, used, name) }));
  for (const sli of slis.values()) {
    if (used.has(sli)) continue;
    note(sli, 'Loss', 'no SLO among the documents has an indicatorRef to this SLI');
  }
  return drafts;
}

function finder(slis: ReadonlyMap<string, Field>, used: Set<Field>, name: string): Field | undefined {
  const found = slis.get(name);
  if (found !== undefined) used.add(found);
  return found;
}

function keepSli(root: Field, slis: Map<string, Field>): void {
  const field = at(root, 'metadata', 'name');
  const name = textOf(field);
  if (name === undefined) refuse(field, 'is missing: SLOs name an SLI by it');
  else if (slis.has(name)) refuse(field, `${name} is the name of another SLI already: give each its own`);
  else slis.set(name, root);
}

function leaveOut(root: Field, kind: string): void {
  const why = otherKinds.get(kind);
  if (why === undefined) refuse(at(root, 'kind'), `${kind} is no kind of OpenSLO v1: give SLO and SLI documents`);
  else note(root, 'Loss', `${kind}: ${why}`);
}

interface Around {
  wishes: Wishes;
  find: (name: string) => Field | undefined;
}

function readSlo(root: Field, around: Around): Draft[] {
  const objectives = members(at(root, 'spec', 'objectives'));
  if (objectives.length === 0) refuse(at(root, 'spec', 'objectives'), 'is empty: there is nothing to import');
  const drafts = objectives.map((objective, index) => {
    const number = objectives.length === 1 ? undefined : index + 1;
    return readObjective(objective, { ...around, root, number });
  });
  return drafts.filter((draft) => draft !== undefined);
}

function readObjective(
  objective: Field,
  { wishes, find, root, number }: Around & { root: Field; number: number | undefined },
): Draft | undefined {
  const spec = at(root, 'spec');
  const own = indicatorOf(objective, find);
  const indicator = own ?? indicatorOf(spec, find);
  if (indicator === undefined) {
    return refuse(spec, 'has neither indicator nor indicatorRef to an SLI that was read: add its file with -f');
  }
  const measured = readMeasure(indicator, objective);
  const rolling = readTimeWindow(at(spec, 'timeWindow'));
  if (measured === 'LeftOut') {
    const name = shown(at(root, 'metadata', 'name'));
    note(own === undefined ? root : objective, 'Loss', `${name} is left out, because its indicator counts no events`);
    return undefined;
  }
  const percent = readPercent(objective, measured);
  if (measured === undefined || percent === undefined) return undefined;
  noteMethod(at(spec, 'budgetingMethod'));
  noteSources(measured, wishes);
  const metadata = at(root, 'metadata');
  const namespace = chooseNamespace(at(metadata, 'namespace'), wishes, namespaceIn(measured.counted));
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  keepLabels(at(metadata, 'labels'), labels);
  keepAnnotations(at(metadata, 'annotations'), annotations);
  keepDescription(at(spec, 'description'), annotations);
  keepService(at(spec, 'service'), labels);
  const name = at(metadata, 'name');
  const plain = textOf(name);
  const named = plain === undefined || number === undefined ? {} : { named: `${plain}-${number}` };
  const sli = measured.sli(namespace);
  const target = at(objective, 'target');
  const said = {
    objective: isThere(target) ? target : at(objective, 'targetPercent'),
    window: at(spec, 'timeWindow'),
  };
  return { from: objective, name, ...named, namespace, labels, annotations, objective: percent, rolling, sli, said };
}

/** The indicator of an SLO or of one objective: where its spec stands. */
function indicatorOf(field: Field, find: Around['find']): Field | undefined {
  if (isThere(at(field, 'indicator'))) return at(field, 'indicator', 'spec');
  const name = textOf(at(field, 'indicatorRef'));
  const found = name === undefined ? undefined : find(name);
  return found === undefined ? undefined : at(found, 'spec');
}

/** The objective in percent: that of the document, or the quantile where a quantile was the indicator. */
function readPercent(objective: Field, measured: Measured | undefined): string | undefined {
  const [target, percent] = [at(objective, 'target'), at(objective, 'targetPercent')];
  const given = isThere(target) ? target : percent;
  if (measured?.objective !== undefined) {
    const why = `the share of time in which the quantile held; the share of requests is the quantile, ${measured.objective}`;
    note(given, 'Loss', why);
    return measured.objective;
  }
  if (isThere(target) && isThere(percent)) refuse(percent, 'goes with no target: give one of the two');
  const text = textOf(given);
  const read = text === undefined ? undefined : isThere(target) ? percentOfShare(text) : percentOfPercent(text);
  if (read !== undefined) return read;
  const wanted = isThere(target) || !isThere(percent) ? 'a share such as 0.999' : 'a percent such as 99.9';
  return refuse(given, isThere(given) ? `must be ${wanted}` : `is missing: give ${wanted}`);
}

function noteMethod(field: Field): void {
  const method = textOf(field);
  if (method === undefined || method === 'Occurrences') return;
  if (!method.endsWith('Timeslices')) refuse(field, 'must be Occurrences, Timeslices or RatioTimeslices');
  else note(field, 'Loss', `${method} counts slices of time; here events are counted one by one (Occurrences)`);
}

function noteSources({ sources }: Measured, { source }: Wishes): void {
  if (source === undefined) return;
  for (const field of sources) note(field, 'Remark', `replaced by --source ${source}`);
}
