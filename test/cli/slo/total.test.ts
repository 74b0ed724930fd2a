import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exit } from '#cli/exit.ts';
import { convert } from '#cli/slo/convert.ts';
import { readDocuments } from '#cli/slo/documents.ts';
import { readPart } from '#schema/parse.ts';
import { sloSpec } from '#schema/slo.ts';
import { type } from './type.ts';

/** Whatever stands in a file, the answer is objectives of ours, a report, or a refusal: never a crash. */

const golden = join(import.meta.dirname, '../golden/slo');
const documents = readdirSync(golden)
  .filter((file) => /^[a-z-]+\.yaml$/.test(file))
  .flatMap((name) => readDocuments([{ name, text: readFileSync(join(golden, name), 'utf8') }]))
  .map(({ value }) => value);

/** Puts `value` where the numbers lead: each picks one member of what stands there. */
function planted(tree: unknown, steps: readonly number[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof tree !== 'object' || tree === null) return value;
  const keys = Object.keys(tree);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return value;
  const copy = structuredClone(tree) as Record<string, unknown>;
  copy[key] = planted(copy[key], rest, value);
  return copy;
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('toString', '__proto__', 'List', 'rate(', 'a - a', '{{.window}}', 'NaN', -0, 1e300, [[]], [{}]),
);

// kills: a member of null, `otherKinds.toString`, an empty list of objectives taken for one
test('a value of any kind in any place', () => {
  const broken = fc
    .tuple(fc.constantFrom(...documents), fc.array(fc.nat(12), { minLength: 1, maxLength: 9 }), anything)
    .map(([tree, steps, value]) => planted(tree, steps, value));
  fc.assert(
    fc.property(fc.array(broken, { minLength: 1, maxLength: 3 }), (values) => {
      const roots = values
        .filter((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
        .flatMap((value, index) => readDocuments([{ name: `${index}`, text: JSON.stringify(value) }]));
      const { objectives, refusals } = convert(roots, {});
      for (const object of objectives) expect(readPart(object, 'spec', sloSpec)).toMatchObject({ ok: true });
      for (const { field, why } of refusals) expect(`${field} ${why}`).not.toMatch(/undefined|\[object|native code/);
    }),
    { numRuns: 2000 },
  );
});

test.each(['import', 'export'])('%s takes broken text for what it is', async (verb) => {
  const texts = [
    '['.repeat(50_000),
    '{"kind": "List", "items": [null, 1, "a", []]}',
    '- - -',
    '%YAML 9\n---\n!!x y',
    '\0',
  ];
  for (const text of texts) {
    const { code, out, err } = await type(['slo', verb, '-f', '-'], { files: { '-': text } });
    expect({ code, out }, err).toEqual({ code: exit.failed, out: '' });
    expect(err).toMatch(/^error: /);
  }
});

// kills: a table of more rows than a call takes arguments
test('a thousand losses are told in a table that ends', async () => {
  const labels = Object.fromEntries([...Array(1000).keys()].map((n) => [`l${n}`, 'a/b']));
  const slo = {
    apiVersion: 'pyrra.dev/v1alpha1',
    kind: 'ServiceLevelObjective',
    metadata: { name: 'errors', labels },
    spec: {
      target: '99',
      window: '4w',
      indicator: { ratio: { errors: { metric: 'bad' }, total: { metric: 'all' } } },
    },
  };
  const { err } = await type(['slo', 'import', '-f', '-'], { files: { '-': JSON.stringify(slo) } });
  expect(err).toMatch(/and 500 more: -o json prints them all\n$/);
});
