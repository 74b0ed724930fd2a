import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { createTemplateCheck } from '#operator/template-check.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const rollout: KubeObject = {
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web', namespace: 'shop', uid: 'u-1' },
  spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: {} } },
};

/** An API server that gives these answers in turn, the last one for ever. */
function check(answers: (OperatorError | undefined)[]) {
  let asked = 0;
  const again: string[] = [];
  const create = async (_: unknown, object: KubeObject) => {
    const error = answers[Math.min(asked++, answers.length - 1)];
    if (error !== undefined) throw error;
    return object;
  };
  const clock = createVirtualClock();
  const templates = createTemplateCheck({
    api: { create } as unknown as KubeApi,
    clock,
    again: (key) => again.push(key),
  });
  const { signal } = new AbortController();
  return {
    clock,
    templates,
    again,
    ask: () =>
      templates.ask(rollout, { spec: { revision: 'v2' }, source: { template: {}, minReadySeconds: 0 } }, signal),
    asked: () => asked,
  };
}

const quota = new OperatorError('KUBE_FORBIDDEN', 'exceeded quota: pods');

test('a template that a quota forbids is asked about again by itself', async () => {
  // kills: a refusal of the moment remembered for ever
  const { clock, templates, again, ask, asked } = check([quota, undefined]);
  await ask();
  await ask();
  expect(asked()).toBe(1);
  expect(templates.problems(rollout, 'v2')).toEqual([
    { field: 'spec.template', message: 'the API server refuses it: exceeded quota: pods', barsPods: true },
  ]);
  await clock.advance(30_000);
  expect(again).toEqual(['shop/web']);
  await ask();
  expect(templates.problems(rollout, 'v2')).toEqual([]);
});

test.each([
  { name: 'valid', answer: undefined, want: 0 },
  { name: 'invalid', answer: new OperatorError('KUBE_INVALID', 'spec.containers: Required value'), want: 1 },
])('a template that is $name is asked about once', async ({ answer, want }) => {
  const { clock, templates, again, ask, asked } = check([answer]);
  await ask();
  await clock.advance(600_000);
  await ask();
  expect({ asked: asked(), again }).toEqual({ asked: 1, again: [] });
  expect(templates.problems(rollout, 'v2')).toHaveLength(want);
});

test('an API server that does not answer leaves the question open', async () => {
  const { templates, ask } = check([new OperatorError('KUBE_UNAVAILABLE', 'no answer')]);
  await expect(ask()).rejects.toThrow('no answer');
  expect(templates.problems(rollout, 'v2')).toBeUndefined();
});
