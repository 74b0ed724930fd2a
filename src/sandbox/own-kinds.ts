import type * as z from 'zod';
import { isRecord } from '#lib/json.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { crdOf, GROUP, VERSION } from '#schema/crd.ts';
import { kinds } from '#schema/kinds.ts';
import { dig, type PrinterColumn, type SandboxKind, type ScalePaths } from './kind.ts';
import { ownedBySchema } from './ownership.ts';
import type { FieldError } from './refused.ts';
import { checkRules, findingKey } from './rules.ts';
import { checkShape, isBlocking, isSettled, type Schema, settle } from './structural.ts';

/** Our own kinds, from the very CRDs that a cluster is given. */

type Crd = ReturnType<typeof crdOf>;

let made: readonly SandboxKind[] | undefined;

/** Made once: a schema takes milliseconds, and simulations make thousands of sandboxes. */
export function ownKinds(): readonly SandboxKind[] {
  made ??= kinds.map((kind) => {
    const crd = crdOf(kind);
    return kindOf(crd, { spec: kind.spec, ...(kind.status === undefined ? {} : { status: kind.status }) });
  });
  return made;
}

interface Twins {
  spec: z.ZodType;
  status?: z.ZodType;
}

function kindOf({ spec: { names, scope, versions } }: Crd, twins: Twins): SandboxKind {
  const [version] = versions;
  const schema = version?.schema.openAPIV3Schema as Schema;
  const subresources: { status?: object; scale?: CrdScale } | undefined = version?.subresources;
  const resource: Resource = {
    group: GROUP,
    version: VERSION,
    plural: names.plural,
    kind: names.kind,
    namespaced: scope === 'Namespaced',
  };
  return {
    resource,
    singular: names.singular,
    shortNames: names.shortNames,
    categories: names.categories,
    columns: (version?.additionalPrinterColumns ?? []).map(columnOf),
    hasStatus: subresources !== undefined,
    ...(subresources?.scale === undefined ? {} : { scale: scaleOf(subresources.scale) }),
    countsGenerations: true,
    unconditional: false,
    schema,
    owned: ownedBySchema(schema),
    selectable: {},
    check: (object, old) => [
      ...check({ object, old, schema, twins }),
      ...(subresources?.scale === undefined ? [] : checkReplicas(object, scaleOf(subresources.scale))),
    ],
  };
}

interface CrdScale {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath: string;
}

function scaleOf({ specReplicasPath, statusReplicasPath, labelSelectorPath }: CrdScale): ScalePaths {
  const stepsOf = (path: string) => path.split('.').slice(1);
  return {
    specReplicas: stepsOf(specReplicasPath),
    statusReplicas: stepsOf(statusReplicasPath),
    selector: stepsOf(labelSelectorPath),
  };
}

function columnOf(column: { name: string; type: string; jsonPath: string; priority?: number }): PrinterColumn {
  const path = column.jsonPath.split('.').slice(1);
  const { name, type, priority = 0 } = column;
  return { name, type, priority, read: (object) => dig(object, path) };
}

interface Checking {
  object: KubeObject;
  old: KubeObject | undefined;
  schema: Schema;
  twins: Twins;
}

const NOT_CHECKED =
  'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function check({ object, old, schema, twins }: Checking): FieldError[] {
  const errors = checkShape(object, schema, '');
  // Rules speak about shapes that are right; the API server says so and leaves them out.
  if (errors.some(isBlocking)) {
    const [first] = errors.filter(isBlocking);
    const silent = first?.reason === 'FieldValueTypeInvalid' || first?.reason === 'FieldValueRequired';
    return silent && errors.length === 0
      ? errors
      : [...errors, { field: '<nil>', reason: 'FieldValueInvalid', text: NOT_CHECKED }];
  }
  const { properties = {} } = schema;
  const parts = (['spec', 'status'] as const).map((name) => ({
    name,
    value: object[name],
    part: properties[name] ?? {},
  }));
  const findings = new Set(parts.flatMap(({ name, value, part }) => ask(twins[name], value, { name, part })));
  const found = [...errors, ...checkRules({ value: object, old, schema }, findings)];
  if (found.length === 0) for (const { value, part } of parts) settle(value, part);
  return found;
}

/** The scale path has an opinion of its own about replicas. */
function checkReplicas(object: KubeObject, { specReplicas }: ScalePaths): FieldError[] {
  const replicas = dig(object, specReplicas);
  const field = `.${specReplicas.join('.')}`;
  if (typeof replicas !== 'number' || replicas >= 0) return [];
  const text = `Invalid value: ${replicas}: should be a non-negative integer`;
  return [{ field, reason: 'FieldValueInvalid', text }];
}

/** What a kind's zod schema finds wrong, as keys of its rules. */
function ask(
  twin: z.ZodType | undefined,
  value: unknown,
  { name: root, part }: { name: string; part: Schema },
): string[] {
  if (twin === undefined || value === undefined || (isRecord(value) && isSettled(value, part))) return [];
  const read = twin.safeParse(value);
  if (read.success) return [];
  return read.error.issues.map(({ path, message }) => findingKey(fieldOf(root, path), message));
}

function fieldOf(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((at, key) => (typeof key === 'number' ? `${at}[${key}]` : `${at}.${String(key)}`), root);
}
