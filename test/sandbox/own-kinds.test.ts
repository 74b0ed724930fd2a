import { expect, test } from 'vitest';
import type { KubeObject } from '#ports/kube-api.ts';
import { ownKinds } from '#sandbox/own-kinds.ts';
import { rollout } from '../schema/objects.ts';

/** Parts of objects that were found right are not looked at again: what must be looked at all the same. */

const kind = ownKinds().find(({ resource }) => resource.kind === 'Rollout');
const rolloutWith = (change: object) => {
  const sample = rollout() as unknown as KubeObject & { spec: object };
  return { ...sample, spec: { ...sample.spec, ...change } } as KubeObject;
};
const wrongIn = (object: KubeObject, old?: KubeObject) => kind?.check?.(object, old).map(({ field }) => field);

test('what was wrong is wrong again', () => {
  const bad = rolloutWith({ revisionHistoryLimit: -1 });
  // kills: what was found wrong counts as known
  expect(wrongIn(bad)).toEqual(['spec.revisionHistoryLimit']);
  expect(wrongIn(bad)).toEqual(['spec.revisionHistoryLimit']);
});

test('what is right by itself is held against what was there', () => {
  const known = rolloutWith({ service: 'shop' });
  expect(wrongIn(known)).toEqual([]);
  expect(wrongIn(known, known)).toEqual([]);
  // kills: rules about a change are skipped for what is known, whatever was there
  expect(wrongIn(known, rolloutWith({ service: 'cart' }))).toEqual(['spec.service']);
});
