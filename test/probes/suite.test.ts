import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge, type ProbeCell } from '#probes/suite.ts';

const ok = { ok: true, reason: 'ok' };
const bad = { ok: false, reason: 'status 500, expected 200' };
const cell = (pod: string, request: string, canary = ok, control?: ProbeCell['control']): ProbeCell => ({
  pod,
  suite: 'smoke',
  request,
  canary,
  ...(control && { control }),
});
const passes = { pod: 's1', ...ok };
const fails = { pod: 's1', ...bad };

interface Row {
  name: string;
  because: string;
  pods?: string[];
  requests?: number;
  cells: ProbeCell[];
  want: string;
}

test.each<Row>([
  { name: 'no suite', because: 'nothing was asked for', requests: 0, cells: [], want: 'None' },
  { name: 'no pod', because: 'silence is not success', pods: [], cells: [], want: 'Running' },
  { name: 'no answer yet', because: 'silence is not success', cells: [], want: 'Running' },
  {
    name: 'one pod is missing',
    because: 'every pod that will serve must pass',
    cells: [cell('c1', 'home'), cell('c1', 'pay'), cell('c2', 'home')],
    want: 'Running',
  },
  {
    name: 'all pass',
    because: 'every request on every pod',
    cells: [cell('c1', 'home'), cell('c1', 'pay'), cell('c2', 'home'), cell('c2', 'pay')],
    want: 'Passed',
  },
  {
    name: 'canary fails, stable passes',
    because: 'the only difference is the revision; nothing else is waited for',
    cells: [cell('c2', 'pay', bad, passes)],
    want: 'CanaryFailed',
  },
  {
    name: 'both fail',
    because: 'the database is down for both',
    cells: [cell('c1', 'home', bad, fails), cell('c2', 'home')],
    want: 'BothFailed',
  },
  {
    name: 'both fail here, canary alone there',
    because: 'one request that only the canary fails is enough',
    cells: [cell('c1', 'home', bad, fails), cell('c1', 'pay', bad, passes)],
    want: 'CanaryFailed',
  },
  {
    name: 'no control',
    because: 'without a comparison nobody is blamed',
    cells: [cell('c1', 'home', bad)],
    want: 'BothFailed',
  },
  {
    name: 'a pod that left',
    because: 'it is no longer there to be blamed or to be waited for',
    cells: [
      cell('gone', 'home', bad, passes),
      cell('c1', 'home'),
      cell('c1', 'pay'),
      cell('c2', 'home'),
      cell('c2', 'pay'),
    ],
    want: 'Passed',
  },
])('$name: $want', ({ pods = ['c1', 'c2'], requests = 2, cells, want, because }) => {
  expect(judge({ pods, requests, cells }).result, because).toBe(want);
});

test('says which request failed where, and what stable said', () => {
  const { message } = judge({ pods: ['c1'], requests: 1, cells: [cell('c1', 'pay', bad, passes)] });
  expect(message).toBe(
    'probe smoke/pay fails on canary pod c1: status 500, expected 200; the same passes on stable pod s1',
  );
});

const cells = fc.uniqueArray(
  fc
    .record({
      pod: fc.constantFrom('c1', 'c2', 'c3'),
      request: fc.constantFrom('home', 'pay'),
      canary: fc.constantFrom(ok, bad),
      control: fc.constantFrom(passes, fails, undefined),
    })
    .map(({ pod, request, canary, control }) => cell(pod, request, canary, canary.ok ? undefined : control)),
  { selector: ({ pod, request }) => pod + request },
);

// kills: messages that follow the order in which answers came in, and so make conditions flap
test('law: the order of answers changes nothing, and nothing short of everything passes', () => {
  const shuffled = cells.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      const scope = { pods: ['c1', 'c2'], requests: 2 };
      const reading = judge({ ...scope, cells: all });
      expect(judge({ ...scope, cells: other })).toEqual(reading);
      const passed = all.filter(({ pod, canary }) => pod !== 'c3' && canary.ok).length;
      expect(reading.result === 'Passed').toBe(passed === 4);
    }),
  );
});
