import { describe, expect, test } from 'vitest';
import type { Problem } from '#core/seen.ts';
import { readRollout } from '#schema/translate.ts';
import { readAction, readMetricSource, readProbeSuite, readSlo } from '#schema/translate-inputs.ts';
import { readRelease } from '#schema/translate-release.ts';
import { badObjects } from './bad-objects.ts';
import { action, answers, objective, release, rollout, type Sample, source, suite } from './objects.ts';

type Read = { ok: true } | { ok: false; problems: Problem[] };

const readers: Record<string, (object: unknown) => Read> = {
  Rollout: readRollout,
  Release: readRelease,
  RolloutAction: (object) => readAction(made(object as Sample)),
  ServiceLevelObjective: readSlo,
  MetricSource: readMetricSource,
  ProbeSuite: readProbeSuite,
};

/** As the API server gives it back. */
function made(object: Sample): Sample {
  const metadata = { ...object.metadata, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { ...object, metadata };
}

function read(object: Sample): Read {
  const reader = readers[object.kind];
  if (reader === undefined) throw new Error(`no reader of ${object.kind}`);
  return reader(object);
}

describe('a mistake that got past the API server is told in the same words', () => {
  // kills: a rule whose `holds` is left out or turned round
  test.each(badObjects)('$name', ({ object, read: problem, because }) => {
    const result = read(object);
    if (problem === undefined) {
      expect(result.ok, because).toBe(true);
      return;
    }
    expect(result.ok ? [] : result.problems, because).toContainEqual(problem);
  });

  test.each(badObjects.filter((bad) => bad.read?.message.startsWith('must match') === false))(
    'the API server says it too: $name',
    ({ refused, read: problem }) => {
      if (problem === undefined || /at least|at most \d+$|two entries|one of/.test(problem.message)) return;
      expect(refused).toContain(problem.message);
    },
  );
});

test.each([rollout(), release(), action(), objective(), answers(), source(), suite()])(
  'a good $kind is read',
  (object) => {
    expect(read(object)).toMatchObject({ ok: true });
  },
);

test.each(Object.keys(readers))('a %s that is no object at all is a problem and no crash', (kind) => {
  for (const object of [undefined, null, 7, 'x', [], {}, { spec: null }, { spec: [] }, { spec: { steps: 'x' } }]) {
    const reader = readers[kind];
    if (kind === 'RolloutAction') continue;
    expect(reader?.(object), JSON.stringify(object)).toMatchObject({ ok: false });
  }
  expect(readAction({})).toMatchObject({ ok: false });
});

test('a pod template that cannot run names its container', () => {
  const template = {
    metadata: { labels: { app: 'shop' } },
    spec: { containers: [{ name: 'a' }], restartPolicy: 'Never' },
  };
  expect(readRollout(rollout({ template }))).toEqual({
    ok: false,
    problems: [
      { field: 'spec.template.spec.containers[0].image', message: 'is missing' },
      {
        field: 'spec.template.spec.restartPolicy',
        message: 'must be Always or left out: the pods serve until replaced',
      },
    ],
  });
});
