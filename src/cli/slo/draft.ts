import type { Problem } from '#core/seen.ts';
import { isRecord } from '#lib/json.ts';
import { readValue } from '#schema/parse.ts';
import { sloSpec } from '#schema/slo.ts';
import { at, type Field, note, type Reason, refuse, settle, textOf } from './field.ts';
import { isLabelKey, isLabelValue, objectName } from './figures.ts';
import type { Sli } from './indicator.ts';

/** A ServiceLevelObjective of ours, as it is written. */
export interface Objective {
  apiVersion: 'headgate.dev/v1alpha1';
  kind: 'ServiceLevelObjective';
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: { objective: string; window?: { rolling: string }; sli: Sli; source?: string };
}

/** What the command line asks of every objective. */
export interface Wishes {
  namespace?: string;
  /** Name of the MetricSource that all shall read. */
  source?: string;
}

/** An objective in the making. `from` is the field that stands for it in messages. */
export interface Draft {
  from: Field;
  name: Field;
  /** What the name is made of; the value of `name` where left out. */
  named?: string;
  namespace: string | undefined;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  objective: string;
  rolling: string | undefined;
  sli: Sli;
  /** Where the input says what its objective and its window are. */
  said: { objective: Field; window?: Field };
}

/** Kubernetes knows this annotation as the place for what an object is for. */
const DESCRIPTION = 'kubernetes.io/description';
/** Kubernetes knows this label as the name of the application; export takes the service from it. */
export const SERVICE_LABEL = 'app.kubernetes.io/name';
const NAME_MAX = 253;

/** The finished object; undefined once something in it was refused. */
export function finish(draft: Draft, { source }: Wishes): Objective | undefined {
  const { namespace, labels, annotations, objective, rolling, sli } = draft;
  const name = nameOf(draft);
  if (name === undefined) return undefined;
  const spec = {
    objective,
    ...(rolling === undefined ? {} : { window: { rolling } }),
    sli,
    ...(source === undefined ? {} : { source }),
  };
  const checked = readValue(spec, 'spec', sloSpec);
  if (!checked.ok) {
    for (const problem of checked.problems) refuseProblem(draft, problem);
    return undefined;
  }
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'ServiceLevelObjective',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec,
  };
}

/** Says at the field of the input what is wrong with ours. */
function refuseProblem({ from, said }: Draft, { field, message }: Problem): void {
  if (field === 'spec.objective') refuse(said.objective, message);
  else if (field === 'spec.window.rolling' && said.window !== undefined) refuse(said.window, message);
  else refuse(from, `becomes ${field}, which ${message}`);
}

function nameOf({ name, named }: Draft): string | undefined {
  const wanted = named ?? textOf(name);
  if (wanted === undefined) return refuse(name, 'is missing: give the objective a name');
  settle(name);
  const possible = objectName(wanted);
  if (possible === '' || possible.length > NAME_MAX) {
    return refuse(name, `${JSON.stringify(wanted)} makes no name of an object: at most ${NAME_MAX} letters and digits`);
  }
  if (possible !== wanted) note(name, 'Remark', `an object cannot be called ${wanted}: it is called ${possible}`);
  return possible;
}

/** The namespace that was asked for, else that of the document, else the one that its selectors agree on. */
export function chooseNamespace(field: Field, { namespace }: Wishes, selected: string | undefined): string | undefined {
  const given = textOf(field);
  if (namespace === undefined) return given ?? selected;
  if (given !== undefined && given !== namespace) note(field, 'Remark', `replaced by -n ${namespace}`);
  return namespace;
}

/** Keeps what may stand in metadata.labels, and says what may not. */
export function keepLabels(field: Field, into: Record<string, string>): void {
  for (const entry of entriesOf(field)) {
    const [key, value] = [entry.key, entry.field.value];
    if (isServersOwn(key)) note(entry.field, 'Remark', SERVERS);
    else if (typeof value !== 'string' || !isLabelKey(key) || !isLabelValue(value)) {
      note(entry.field, 'Loss', 'Kubernetes takes no such label: at most 63 letters, digits, "-", "_" and "."');
    } else {
      settle(entry.field);
      into[key] = value;
    }
  }
}

/** Keeps annotations, save what tools write for themselves. */
export function keepAnnotations(field: Field, into: Record<string, string>): void {
  for (const { key, field: entry } of entriesOf(field)) {
    if (isServersOwn(key)) note(entry, 'Remark', SERVERS);
    else if (typeof entry.value !== 'string' || !isLabelKey(key)) {
      note(entry, 'Loss', 'Kubernetes takes no such annotation');
    } else {
      settle(entry);
      into[key] = entry.value;
    }
  }
}

export function keepDescription(field: Field, into: Record<string, string>): void {
  const text = textOf(field);
  if (text !== undefined && text !== '') into[DESCRIPTION] = text;
}

export function keepService(field: Field, into: Record<string, string>): void {
  const service = textOf(field);
  if (service === undefined) return;
  if (!isLabelValue(service) || (into[SERVICE_LABEL] !== undefined && into[SERVICE_LABEL] !== service)) {
    note(field, 'Loss', `${service} cannot be the label ${SERVICE_LABEL}`);
  } else into[SERVICE_LABEL] = service;
}

function entriesOf(field: Field): { key: string; field: Field }[] {
  return isRecord(field.value) ? Object.keys(field.value).map((key) => ({ key, field: at(field, key) })) : [];
}

function isServersOwn(key: string): boolean {
  return key.startsWith('kubectl.kubernetes.io/') || key.startsWith('deployment.kubernetes.io/');
}

const SERVERS = 'the API server and kubectl write it for themselves';

/** What stands in objects that were read from a cluster. */
export const clusterReasons: readonly Reason[] = [
  {
    path: /^metadata\.(uid|resourceVersion|generation|creationTimestamp|managedFields|selfLink)$/,
    why: SERVERS,
    grade: 'Remark',
  },
  { path: /^status$/, why: 'status is written by the tool that the object was for', grade: 'Remark' },
];
