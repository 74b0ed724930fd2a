import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { toStructural } from '#schema/structural.ts';
import { choice, freeform, group, int, list, map, percent, surge, text } from '#schema/vocabulary.ts';

const said = <S extends z.ZodType>(schema: S): S => schema.describe('said');

interface Row {
  name: string;
  because: string;
  schema: z.ZodType;
  throws: RegExp;
}

// kills: any key or type let through in toStructural
describe('what a CRD cannot hold throws when it is made', () => {
  test.each<Row>([
    {
      name: 'union',
      because: 'a structural schema has one type',
      schema: z.union([z.string().max(1), z.boolean()]),
      throws: /a: \{anyOf.*without a type/,
    },
    {
      name: 'kinds by tag',
      because: 'oneOf with types is refused',
      schema: z.discriminatedUnion('k', [z.object({ k: z.literal('a') }), z.object({ k: z.literal('b') })]),
      throws: /without a type/,
    },
    { name: 'anything', because: 'a node needs a type', schema: z.unknown(), throws: /without a type/ },
    {
      name: 'strict object',
      because: 'additionalProperties: false is refused',
      schema: z.strictObject({ a: said(z.boolean()) }),
      throws: /"additionalProperties" on a object/,
    },
    {
      name: 'tuple',
      because: 'items have one schema',
      schema: z.tuple([z.boolean()]),
      throws: /outside the vocabulary/,
    },
    {
      name: 'null',
      because: 'the API server drops nulls',
      schema: z.boolean().nullable(),
      throws: /"nullable" on a boolean/,
    },
    {
      name: 'float',
      because: 'floats do not survive every client',
      schema: z.number().min(0).max(1),
      throws: /type number/,
    },
    { name: 'date', because: 'not JSON', schema: z.date(), throws: /./ },
    {
      name: 'string without a bound',
      because: 'CEL is priced by it',
      schema: z.string(),
      throws: /a string without maxLength/,
    },
    {
      name: 'list without a bound',
      because: 'CEL is priced by it',
      schema: z.array(z.boolean()),
      throws: /an? array without maxItems/,
    },
    {
      name: 'map without a bound',
      because: 'CEL is priced by it',
      schema: z.record(z.string(), z.boolean()),
      throws: /a map without maxProperties/,
    },
    {
      name: 'int without bounds',
      because: 'zod writes the safe integers',
      schema: z.int(),
      throws: /a integer without minimum/,
    },
    {
      name: 'format',
      because: 'the API server checks hardly any',
      schema: z.email().max(9),
      throws: /"format" on a string/,
    },
  ])('$name', ({ schema, throws, because }) => {
    expect(() => toStructural(z.object({ a: said(schema) }), 'Kind.spec'), because).toThrow(throws);
  });

  test('a member without a description', () => {
    expect(() => toStructural(group({ a: z.boolean() }), 'Kind.spec')).toThrow(
      'Kind.spec.a: a member without a description',
    );
  });
});

test('every word of the vocabulary is structural', () => {
  const shape = group({
    text: said(text({ max: 3 })),
    percent: said(percent({ above: 0, upTo: 9, example: '1' })),
    surge: said(surge()),
    int: said(int({ min: 1, max: 2 ** 40 })),
    choice: said(choice(['A', 'B']).default('A')),
    list: said(list(group({ k: said(text({ max: 1 })) }), { max: 2, unique: ['k'] })),
    map: said(map(text({ max: 1 }), { max: 2 })),
    free: said(freeform()),
    nested: group({ a: said(int({ min: 0, max: 9 }).default(3)) })
      .prefault({})
      .describe('said'),
  });
  const made = toStructural(shape, 'x');
  expect(made.required).toEqual(['text', 'percent', 'surge', 'int', 'list', 'map', 'free']);
  expect(made.properties).toMatchObject({
    percent: { 'x-kubernetes-int-or-string': true, maxLength: 8 },
    surge: { 'x-kubernetes-int-or-string': true, minimum: 1, maximum: 10_000, maxLength: 4 },
    int: { type: 'integer', format: 'int64' },
    choice: { enum: ['A', 'B'], default: 'A' },
    list: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], maxItems: 2 },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    // The API server judges a default by its rules before it fills members in.
    nested: { default: { a: 3 } },
  });
});
