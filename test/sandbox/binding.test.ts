import { expect, test } from 'vitest';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { applyObject } from '#sandbox/apply-object.ts';
import { createSandbox } from '#sandbox/sandbox.ts';

const sandbox = createSandbox({ clock, random });
const bind = (name: string, node?: string) =>
  sandbox.handle({
    method: 'POST',
    path: '/api/v1/namespaces/default/bindings',
    query: new URLSearchParams(),
    body: { metadata: { name }, target: { kind: 'Node', name: node } },
  });

test('a pod is bound once, and by name', async () => {
  const spec = { containers: [{ name: 'app', image: 'shop:v1' }] };
  await applyObject(sandbox, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec });
  expect(bind('x').code, 'a binding without a node').toBe(400);
  expect(bind('x', 'here')).toMatchObject({ code: 201, body: { status: 'Success' } });
  expect(sandbox.store.get('pods.', 'default/x')).toMatchObject({
    spec: { nodeName: 'here' },
    status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
  });
  // kills: a second scheduler takes a pod that runs
  expect(bind('x', 'there')).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
  expect(bind('y', 'here')).toMatchObject({ code: 404 });
});
