import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { podResource } from '../../lab/kubelet/pod-object.ts';
import { lines, watchWith } from '../../lab/kubelet/watch.ts';
import { handClock } from '../hand-clock.ts';

type Step = { items: string[]; version: string } | { events: [string, string][] } | { error: Error };

const object = (text: string): KubeObject => {
  const [name = '', resourceVersion = '1'] = text.split('@');
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: name, resourceVersion } };
};

function atOnce(_delayMs: number, fire: () => void): () => void {
  queueMicrotask(fire);
  return () => {};
}

/** Plays lists and streams in order; a stream that has no step left stays open. */
async function play(steps: Step[]): Promise<{ seen: string[]; asked: string[] }> {
  const seen: string[] = [];
  const asked: string[] = [];
  const clock = handClock();
  const done = Promise.withResolvers<void>();
  const stop = new AbortController();
  const next = (what: string): Step | undefined => {
    asked.push(what);
    const step = steps.shift();
    if (step !== undefined && 'error' in step) throw step.error;
    return step;
  };
  const watch = watchWith({
    async list<T>() {
      const step = next('list');
      if (step === undefined || !('items' in step)) throw new Error('the test has no list here');
      return { metadata: { resourceVersion: step.version }, items: step.items.map(object) } as T;
    },
    async *stream({ query }) {
      const step = next(`watch@${query['resourceVersion']}`);
      if (step === undefined) {
        stop.abort();
        done.resolve();
        return;
      }
      if (!('events' in step)) throw new Error('the test has no stream here');
      for (const [type, text] of step.events) yield JSON.stringify({ type, object: object(text) });
    },
    pathOf: () => '/api/v1/pods',
    // Back-off costs no time here: each wait is over before it is waited for.
    clock: { ...clock, timer: atOnce },
    random: () => 0,
  });
  const events = {
    set: ({ metadata }: KubeObject) => seen.push(`+${metadata.name}`),
    gone: ({ metadata }: KubeObject) => seen.push(`-${metadata.name}`),
    synced: () => seen.push('synced'),
  };
  watch({ resource: podResource }, events, stop.signal);
  await done.promise;
  return { seen, asked };
}

test('what is listed comes first, then what changes', async () => {
  const { seen, asked } = await play([
    { items: ['a', 'b'], version: '5' },
    {
      events: [
        ['MODIFIED', 'a@6'],
        ['DELETED', 'b@7'],
        ['BOOKMARK', 'x@9'],
      ],
    },
  ]);
  expect(seen).toEqual(['+a', '+b', 'synced', '+a', '-b']);
  expect(asked, 'kills: resuming from the list, which sees every event twice').toEqual(['list', 'watch@5', 'watch@9']);
});

test('a lost stream goes on where it was', async () => {
  const lost = { error: new OperatorError('KUBE_UNAVAILABLE', 'connection lost') };
  const { seen, asked } = await play([{ items: ['a'], version: '5' }, lost, lost, { events: [['ADDED', 'b@6']] }]);
  expect(seen).toEqual(['+a', 'synced', '+b']);
  expect(asked).toEqual(['list', 'watch@5', 'watch@5', 'watch@5', 'watch@6']);
});

test('after 410 the new list tells what vanished meanwhile', async () => {
  const expired = { error: new OperatorError('KUBE_EXPIRED', 'too old resource version') };
  const { seen } = await play([{ items: ['a', 'b'], version: '5' }, expired, { items: ['b', 'c'], version: '9' }]);
  // kills: keeping an object for ever whose deletion nobody saw
  expect(seen).toEqual(['+a', '+b', 'synced', '-a', '+b', '+c', 'synced']);
});

test('a 410 inside the stream counts as one', async () => {
  const { asked } = await play([
    { items: [], version: '5' },
    { events: [['ERROR', 'status']] },
    { items: [], version: '9' },
  ]);
  expect(asked).toEqual(['list', 'watch@5', 'list', 'watch@9']);
});

test('a list that fails is asked for again', async () => {
  const { seen } = await play([
    { error: new OperatorError('KUBE_UNAVAILABLE', 'refused') },
    { items: ['a'], version: '1' },
  ]);
  expect(seen).toEqual(['+a', 'synced']);
});

test('lines come whole, however the bytes were cut', async () => {
  async function* bytes() {
    const all = new TextEncoder().encode('{"a":"ä"}\n\n{"b":1}\n{"half"');
    for (const byte of all) yield Uint8Array.of(byte);
  }
  const got: string[] = [];
  for await (const line of lines(bytes())) got.push(line);
  expect(got).toEqual(['{"a":"ä"}', '{"b":1}']);
});
