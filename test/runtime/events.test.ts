import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { createEventRecorder, type Happening } from '#runtime/events.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createMemoryApi } from '#test/support/memory-api.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';

const resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
const regarding = {
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'checkout', namespace: 'shop', uid: 'u1' },
};
const raised: Happening = { regarding, type: 'Normal', reason: 'WeightRaised', action: 'Shift', note: 'canary at 5 %' };

function setUp() {
  const api = createMemoryApi();
  const clock = createVirtualClock();
  const telemetry = recordTelemetry();
  const recorder = createEventRecorder({
    api,
    resource,
    controller: 'headgate.dev/operator',
    instance: 'pod-1',
    clock,
    random: seededRandom(5),
    log: silentLog,
    telemetry,
  });
  const events = () => [...api.objects().values()];
  const results = (result: string) => telemetry.total('headgate_events_total', { result });
  return { api, clock, recorder, events, results };
}

test('an Event says who, what and why', async () => {
  const { recorder, events } = setUp();
  recorder.record(raised);
  await recorder.flush();
  expect(events()).toMatchObject([
    {
      apiVersion: 'events.k8s.io/v1',
      metadata: { namespace: 'shop' },
      regarding: { kind: 'Rollout', name: 'checkout', namespace: 'shop', uid: 'u1' },
      type: 'Normal',
      reason: 'WeightRaised',
      action: 'Shift',
      note: 'canary at 5 %',
      reportingController: 'headgate.dev/operator',
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
    },
  ]);
});

test('the same again is a series, another note is another Event', async () => {
  const { recorder, events, clock } = setUp();
  for (let time = 0; time < 3; time += 1) {
    recorder.record(raised);
    await recorder.flush();
    await clock.advance(1000);
  }
  recorder.record({ ...raised, note: 'canary at 20 %' });
  await recorder.flush();
  expect(events().map((event) => [event['note'], (event['series'] as { count?: number } | undefined)?.count])).toEqual([
    ['canary at 5 %', 3],
    ['canary at 20 %', undefined],
  ]);
});

test('after a quiet while the same is news again', async () => {
  const { recorder, events, clock } = setUp();
  recorder.record(raised);
  await clock.advance(400_000);
  recorder.record(raised);
  await recorder.flush();
  expect(events()).toHaveLength(2);
});

test('a chatty object is throttled, the others are not', async () => {
  const { recorder, results } = setUp();
  for (let step = 0; step < 100; step += 1) recorder.record({ ...raised, note: `step ${step}` });
  recorder.record({ ...raised, regarding: { ...regarding, metadata: { ...regarding.metadata, uid: 'u2' } } });
  await recorder.flush();
  expect([results('written'), results('throttled')]).toEqual([26, 75]);
});

test('an API server that hangs blocks nobody, and the queue has an end', async () => {
  const { recorder, api, results } = setUp();
  api.before = () => new Promise(() => undefined);
  for (let object = 0; object < 1500; object += 1) {
    recorder.record({ ...raised, regarding: { ...regarding, metadata: { ...regarding.metadata, uid: `u${object}` } } });
  }
  expect(results('dropped')).toBe(500);
});

test('errors are counted, and the next Event is written', async () => {
  const { recorder, api, results } = setUp();
  api.before = () => Promise.reject(new OperatorError('KUBE_FORBIDDEN', 'no'));
  recorder.record(raised);
  await recorder.flush();
  api.before = () => undefined;
  recorder.record(raised);
  await recorder.flush();
  expect([results('failed'), results('written')]).toEqual([1, 1]);
});

test('an Event that the server has forgotten comes back', async () => {
  const { recorder, api, events } = setUp();
  recorder.record(raised);
  await recorder.flush();
  api.clear();
  recorder.record(raised);
  await recorder.flush();
  expect(events()).toMatchObject([{ series: { count: 2 } }]);
});

test('a note is cut to what the API server takes, between characters', async () => {
  const { recorder, events } = setUp();
  recorder.record({ ...raised, note: 'é'.repeat(2000) });
  await recorder.flush();
  const note = String(events()[0]?.['note']);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(note).toMatch(/^é+…$/);
});
