import * as z from 'zod';

/** JSON Schema as a CRD may hold it: one type per node, no choices, everything bounded. */
export interface Structural {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  default?: unknown;
  format?: string;
  enum?: unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: Structural;
  properties?: Record<string, Structural>;
  additionalProperties?: Structural;
  required?: string[];
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: { rule: string; message: string; fieldPath?: string }[];
}

type Raw = Record<string, unknown>;

const EVERYWHERE = ['type', 'description', 'default', 'x-kubernetes-validations'];
const KEYS: Record<string, string[]> = {
  object: ['properties', 'required'],
  map: ['additionalProperties', 'maxProperties'],
  freeform: ['x-kubernetes-preserve-unknown-fields'],
  array: ['items', 'minItems', 'maxItems', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  string: ['minLength', 'maxLength', 'pattern', 'enum'],
  integer: ['minimum', 'maximum', 'format'],
  boolean: [],
  intOrString: ['x-kubernetes-int-or-string', 'minimum', 'maximum', 'maxLength', 'pattern'],
};

/**
 * The structural schema of a zod schema made of our vocabulary. Throws, naming the path, on anything that a CRD cannot
 * hold or that is unbounded: this runs when CRDs are generated, never in the operator.
 */
export function toStructural(schema: z.ZodType, path: string): Structural {
  const raw = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'throw' });
  return node(raw as Raw, path);
}

function node(raw: Raw, path: string): Structural {
  const plain = simplified(raw, path);
  const word = wordOf(plain, path);
  for (const key of Object.keys(plain)) {
    const known = EVERYWHERE.includes(key) || KEYS[word]?.includes(key) === true;
    if (!known) throw outside(path, `"${key}" on a ${word}`);
  }
  assertBounded(plain, word, path);
  const whole = { ...(plain as Structural), ...children(plain, path) };
  return word === 'object' && whole.default !== undefined ? { ...whole, default: filled(whole) } : whole;
}

/** The default of an object with those of its members: the API server judges it before it fills members in. */
function filled({ properties = {}, default: own }: Structural): object {
  const members = Object.entries(properties).flatMap(([key, member]) =>
    member.default === undefined ? [] : [[key, member.default] as const],
  );
  return { ...Object.fromEntries(members), ...(own as object) };
}

/** Rewrites the few places where zod's JSON Schema differs from the extension that says the same to Kubernetes. */
function simplified(raw: Raw, path: string): Raw {
  if (raw['x-kubernetes-int-or-string'] === true) {
    const { anyOf, ...rest } = raw;
    const branches = (anyOf ?? []) as Raw[];
    const [number, string] = branches;
    if (branches.length !== 2 || number?.['type'] !== 'integer' || string?.['type'] !== 'string') {
      throw outside(path, 'int-or-string on anything but a union of integer and string');
    }
    // Each bound is asked of values of its own type alone.
    return { ...rest, ...boundsOf(number), maxLength: string['maxLength'], pattern: string['pattern'] };
  }
  if (raw['x-kubernetes-preserve-unknown-fields'] === true) {
    const { additionalProperties: _, ...rest } = raw;
    return rest;
  }
  if (raw['type'] === 'integer') return { ...raw, format: fits32(raw) ? 'int32' : 'int64' };
  return raw;
}

/** zod writes the safe integers as bounds of an int that has none. */
function boundsOf({ minimum, maximum }: Raw): Raw {
  const given = Object.entries({ minimum, maximum }).filter(([, bound]) => !isUnbounded(bound));
  return Object.fromEntries(given);
}

function isUnbounded(bound: unknown): boolean {
  return typeof bound !== 'number' || Math.abs(bound) === Number.MAX_SAFE_INTEGER;
}

function fits32({ minimum, maximum }: Raw): boolean {
  return Number(minimum) >= -(2 ** 31) && Number(maximum) < 2 ** 31;
}

function wordOf(raw: Raw, path: string): string {
  if (raw['x-kubernetes-int-or-string'] === true) return 'intOrString';
  if (raw['x-kubernetes-preserve-unknown-fields'] === true) return 'freeform';
  if (raw['type'] === 'object') return raw['properties'] === undefined ? 'map' : 'object';
  const type = raw['type'];
  if (typeof type === 'string' && type in KEYS) return type;
  throw outside(path, type === undefined ? `{${Object.keys(raw).join(', ')}} without a type` : `type ${String(type)}`);
}

const BOUNDS: Record<string, string[]> = {
  map: ['maxProperties'],
  array: ['maxItems'],
  string: ['maxLength'],
  intOrString: ['maxLength'],
  integer: ['minimum', 'maximum'],
};

function assertBounded(raw: Raw, word: string, path: string): void {
  if (raw['enum'] !== undefined) return;
  for (const bound of BOUNDS[word] ?? []) {
    if (isUnbounded(raw[bound])) {
      throw outside(path, `a ${word} without ${bound}`);
    }
  }
}

function children(raw: Raw, path: string): Pick<Structural, 'items' | 'properties' | 'additionalProperties'> {
  if (raw['items'] !== undefined) return { items: node(raw['items'] as Raw, `${path}[]`) };
  if (raw['additionalProperties'] !== undefined) {
    return { additionalProperties: node(raw['additionalProperties'] as Raw, `${path}{}`) };
  }
  if (raw['properties'] === undefined) return {};
  const members = Object.entries(raw['properties'] as Record<string, Raw>).map(([key, member]) => {
    if (typeof member['description'] !== 'string') throw outside(`${path}.${key}`, 'a member without a description');
    return [key, node(member, `${path}.${key}`)] as const;
  });
  return { properties: Object.fromEntries(members) };
}

function outside(path: string, what: string): Error {
  return new Error(`${path}: ${what} is outside the vocabulary of CRDs (src/schema/vocabulary.ts)`);
}
