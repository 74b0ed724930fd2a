import { describe, expect, test } from 'vitest';
import { addressFromKey, createStore, keyOf } from '#runtime/cache.ts';
import { silentLog } from '#runtime/json-log.ts';
import { thing } from '#test/support/scripted-source.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const resource = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
const a = { namespace: 'shop', name: 'a' };

function setUp() {
  const clock = createVirtualClock();
  const indexes = {
    version: ({ metadata }: { metadata: { resourceVersion?: string } }) => [metadata.resourceVersion ?? ''],
  };
  const store = createStore({ resource, clock, log: silentLog, indexes });
  const put = (object: ReturnType<typeof thing>) => store.apply({ kind: 'put', object });
  return { clock, store, put };
}

const owned = (name: string, owner: string) => {
  const object = thing(name, '1');
  return {
    ...object,
    metadata: { ...object.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: owner }] },
  };
};
const names = (objects: { metadata: { name: string } }[]) => objects.map(({ metadata }) => metadata.name);

test('keys are addresses', () => {
  expect(addressFromKey(keyOf(a))).toEqual(a);
  expect(addressFromKey(keyOf({ name: 'node' }))).toEqual({ name: 'node' });
});

test('indexes follow changes', () => {
  // kills: index entries kept after update; kept after delete
  const { store, put } = setUp();
  put(owned('a', 'o1'));
  put(owned('b', 'o1'));
  put({ ...owned('a', 'o2'), metadata: { ...owned('a', 'o2').metadata, resourceVersion: '2' } });
  expect(names(store.byIndex('owner', 'o1'))).toEqual(['b']);
  expect(names(store.byIndex('owner', 'o2'))).toEqual(['a']);
  expect(names(store.byIndex('version', '2'))).toEqual(['a']);
  store.apply({ kind: 'remove', object: owned('b', 'o1') });
  expect(store.byIndex('owner', 'o1')).toEqual([]);
  expect(names(store.list('shop'))).toEqual(['a']);
  expect(store.list('other')).toEqual([]);
  expect(() => store.byIndex('nope', 'x')).toThrow('index "nope"');
});

test('a watcher that throws stops neither the store nor the other watchers', () => {
  const { store, put } = setUp();
  const heard: string[] = [];
  store.watch({
    add: () => {
      throw new Error('broken watcher');
    },
  });
  const end = store.watch({ add: ({ metadata }) => heard.push(metadata.name) });
  put(thing('a', '1'));
  end();
  put(thing('b', '1'));
  expect(heard).toEqual(['a']);
  expect(store.size).toBe(2);
});

describe('own writes', () => {
  test('not fresh until the written version shows', () => {
    // kills: any event of the object counts as ours
    const { store, put } = setUp();
    put(thing('a', '1'));
    store.noteWrite(thing('a', '3'));
    expect(store.fresh(a)).toBe(false);
    put(thing('a', '2'));
    expect(store.fresh(a), 'this one came before ours').toBe(false);
    put(thing('a', '3'));
    expect(store.fresh(a)).toBe(true);
  });

  test('a write that does not show for long is told once, and a whole list makes good for it', async () => {
    // kills: telling at each look; never telling
    let missed = 0;
    const clock = createVirtualClock();
    const store = createStore({ resource, clock, log: silentLog, onMissed: () => (missed += 1) });
    store.apply({ kind: 'put', object: thing('a', '1') });
    store.noteWrite(thing('a', '2'));
    await clock.advance(4000);
    expect([store.fresh(a), missed]).toEqual([false, 0]);
    await clock.advance(2000);
    expect([store.fresh(a), store.fresh(a), missed]).toEqual([false, false, 1]);
    for (const change of [{ kind: 'begin' }, { kind: 'stage', object: thing('a', '2') }, { kind: 'commit' }] as const)
      store.apply(change);
    expect(store.fresh(a)).toBe(true);
  });

  test('a write that is repeated because it does not show is told by the first of them', async () => {
    // kills: a time that begins anew with each try
    let missed = 0;
    const clock = createVirtualClock();
    const store = createStore({ resource, clock, log: silentLog, onMissed: () => (missed += 1) });
    store.apply({ kind: 'put', object: thing('a', '1') });
    for (const version of ['2', '3', '3']) {
      store.noteWrite(thing('a', version));
      await clock.advance(2000);
      store.fresh(a);
    }
    expect(missed).toBe(1);
  });

  test('fresh at once when the event outran the answer, even if more came after', () => {
    const { store, put } = setUp();
    put(thing('a', '3'));
    put(thing('a', '4'));
    store.noteWrite(thing('a', '3'));
    expect(store.fresh(a)).toBe(true);
  });

  test('a write that changed nothing is fresh', () => {
    const { store, put } = setUp();
    put(thing('a', '1'));
    store.noteWrite(thing('a', '1'));
    expect(store.fresh(a)).toBe(true);
  });

  test('a list begun after the write is proof, one begun before is not', () => {
    // kills: every commit clears; begin not looked at
    const { store } = setUp();
    store.apply({ kind: 'begin' });
    store.noteWrite(thing('a', '3'));
    store.apply({ kind: 'commit' });
    expect(store.fresh(a)).toBe(false);
    store.apply({ kind: 'begin' });
    store.apply({ kind: 'commit' });
    expect(store.fresh(a)).toBe(true);
  });

  test('the end of the object is proof', () => {
    const { store, put } = setUp();
    put(thing('a', '1'));
    store.noteWrite(thing('a', '3'));
    store.apply({ kind: 'remove', object: thing('a', '4') });
    expect(store.fresh(a)).toBe(true);
  });

  test('a version that is refused for long and still shows is told, and a conflict alone is not', async () => {
    // kills: telling at the first conflict; never telling; conflicts of one version counted for the next
    let missed = 0;
    const clock = createVirtualClock();
    const store = createStore({ resource, clock, log: silentLog, onMissed: () => (missed += 1) });
    store.apply({ kind: 'put', object: thing('a', '1') });
    const refuse = async (version: string, afterMs: number) => {
      await clock.advance(afterMs);
      store.noteConflict(thing('a', version));
      return missed;
    };
    expect(await refuse('1', 0), 'everyday').toBe(0);
    expect(await refuse('1', 4000), 'its event may be on its way').toBe(0);
    store.apply({ kind: 'put', object: thing('a', '2') });
    expect(await refuse('1', 2000), 'the store has moved on').toBe(0);
    expect(await refuse('2', 0), 'another version').toBe(0);
    expect(await refuse('2', 5000), 'nothing came').toBe(1);
    expect(await refuse('2', 1000), 'told already').toBe(1);
    expect(store.fresh(a), 'a lowering waits for no list').toBe(true);
  });

  test('better stale than stuck', async () => {
    const { store, clock } = setUp();
    store.noteWrite(thing('a', '3'));
    await clock.advance(9999);
    expect(store.fresh(a)).toBe(false);
    await clock.advance(1);
    expect(store.fresh(a)).toBe(true);
  });
});
