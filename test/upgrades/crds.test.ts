import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crdOf } from '#schema/crd.ts';
import { kinds } from '#schema/kinds.ts';
import type { Structural } from '#schema/structural.ts';

/** What earlier CRDs let people store, today's take: nobody's object becomes unreadable by an upgrade. */

type Crd = ReturnType<typeof crdOf>;

const folder = join(import.meta.dirname, 'crds');

const schemaOf = (crd: Crd | undefined): Structural | undefined => crd?.spec.versions[0]?.schema.openAPIV3Schema;

/** Bounds that refuse more when they fall, and those that refuse more when they rise. */
const upper = ['maxLength', 'maximum', 'maxItems', 'maxProperties'] as const;
const lower = ['minLength', 'minimum', 'minItems'] as const;

/** Where today's schema refuses, or drops, what the earlier one took. */
function refusals(before: Structural, now: Structural | undefined, path: string): string[] {
  if (now === undefined) return [`${path} is gone`];
  const type = before.type === now.type ? [] : [`${path} is ${now.type}, it was ${before.type}`];
  const pattern = now.pattern === undefined || now.pattern === before.pattern ? [] : [`${path}: another pattern`];
  const demanded = (now.required ?? []).filter(
    (name) => before.required?.includes(name) !== true && now.properties?.[name]?.default === undefined,
  );
  const required = demanded.map((name) => `${path}.${name} is required now`);
  return [...type, ...pattern, ...required, ...words(before, now, path), ...bounds(before, now, path)].concat(
    inside(before, now, path),
  );
}

function words(before: Structural, now: Structural, path: string): string[] {
  if (now.enum === undefined) return [];
  if (before.enum === undefined) return [`${path} takes some words alone`];
  return before.enum
    .filter((word) => now.enum?.includes(word) !== true)
    .map((word) => `${path} takes no ${String(word)} any more`);
}

function bounds(before: Structural, now: Structural, path: string): string[] {
  const fell = upper.filter((bound) => (now[bound] ?? Infinity) < (before[bound] ?? Infinity));
  const rose = lower.filter((bound) => (now[bound] ?? -Infinity) > (before[bound] ?? -Infinity));
  return [...fell, ...rose].map((bound) => `${path}: ${bound} is ${now[bound]} now`);
}

function inside(before: Structural, now: Structural, path: string): string[] {
  const members = Object.entries(before.properties ?? {}).flatMap(([name, member]) =>
    refusals(member, now.properties?.[name], `${path}.${name}`),
  );
  const items = before.items === undefined ? [] : refusals(before.items, now.items, `${path}[]`);
  const values =
    before.additionalProperties === undefined
      ? []
      : refusals(before.additionalProperties, now.additionalProperties, `${path}{}`);
  return [...members, ...items, ...values];
}

describe.each(readdirSync(folder))('%s', (file) => {
  const earlier = readFileSync(join(folder, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Crd);

  // kills: a field that is renamed or dropped, a bound that is tightened, a member that is demanded all at once
  test.each(earlier)('$spec.names.kind: what was taken is taken', (before) => {
    const kind = kinds.find(({ plural }) => plural === before.spec.names.plural);
    const now = kind === undefined ? undefined : crdOf(kind);
    const was = schemaOf(before);
    expect(was === undefined ? ['no schema'] : refusals(was, schemaOf(now), before.spec.names.kind)).toEqual([]);
  });
});

test('a tightened schema is found', () => {
  const before: Structural = {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 9 }, b: { type: 'integer' } },
  };
  const now: Structural = { type: 'object', properties: { a: { type: 'string', maxLength: 5 } }, required: ['c'] };
  expect(refusals(before, now, 'X')).toEqual(['X.c is required now', 'X.a: maxLength is 5 now', 'X.b is gone']);
});
