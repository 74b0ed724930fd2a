import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { takeActions } from '#core/actions.ts';
import type { Verb } from '#core/model.ts';
import { argoCdVerbs } from '../../scripts/argocd.ts';
import { type Portrait, portraits } from '../histories/portraits.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { repoRoot } from '../lab/tools.ts';
import { kstatusOf, runLua } from './support/gitops-tools.ts';
import { rolloutOf } from './support/shop.ts';
import { applyAll } from './support/stage.ts';

/**
 * What GitOps tools make of our objects: Argo CD's interpreter runs our scripts and Flux's kstatus judges our conditions,
 * on Rollouts from every kind of moment that recorded releases come through.
 */

const lab = connectLab(inject('lab'));
const folder = join(repoRoot, 'deploy/gitops/argocd');
const { data } = parse(readFileSync(join(folder, 'argocd-cm.yaml'), 'utf8')) as { data: Record<string, string> };
const healthLua = data['resource.customizations.health.headgate.dev_Rollout'] ?? '';
const actions = parse(data['resource.customizations.actions.headgate.dev_Rollout'] ?? '') as {
  'discovery.lua': string;
  definitions: { name: Verb; 'action.lua': string }[];
};

const all = portraits();
const objects = all.map(({ object }) => object);
/** A Rollout that the operator has not seen, and one whose spec it has not seen. */
const young = { ...rolloutOf(shopAt('shop')), status: { observedGeneration: -1 } };
const edited = objects.map((object) => ({ ...object, metadata: { ...object.metadata, generation: 4 } }));

function shopAt(namespace: string) {
  return { name: 'checkout', namespace, image: 'lab/shop:v1', replicas: 1, objective: '99' };
}

describe('Argo CD', () => {
  interface Health {
    status: string;
    message: string;
  }
  const words = { Healthy: 'Healthy', Progressing: 'Progressing', Paused: 'Suspended', Degraded: 'Degraded' };

  test('health is the phase, in its words, and says why', async () => {
    const healths = await runLua<Health>(healthLua, objects);
    expect(healths.map(({ status }) => status)).toEqual(all.map(({ state }) => words[state.phase]));
    for (const [index, { state }] of all.entries()) expect(healths[index]?.message).toContain(state.message);
  });

  // kills: a sync that waits for health is let go by the status of the spec before.
  test('what the operator has not seen yet is Progressing', async () => {
    const bare = { ...young, status: undefined };
    const healths = await runLua<Health>(healthLua, [young, bare, ...edited]);
    expect(new Set(healths.map(({ status }) => status))).toEqual(new Set(['Progressing']));
  });

  /** Refused for a moment only: the Release object is not written yet, or the gateway has not followed. */
  const SOON = /say it again|cannot be planned yet/;

  function verdictOf({ state, seen, at }: Portrait, verb: Verb): string {
    const room = state.release?.ending?.kind === 'Superseded' || state.release?.ending?.kind === 'Returned';
    if (room && verb === 'abort') return 'no use: it only makes room for the next';
    const action = { name: 'a', uid: 'a', verb, by: 'ann', reason: '', createdAt: at, acknowledged: false };
    const [answer] = takeActions({ ...state, actions: [] }, { ...seen, actions: [action] }, at).actions;
    return answer?.result === 'Refused' && !SOON.test(answer.message) ? answer.message : 'Applied';
  }

  // kills: a button that is refused when it is pressed; a word that Argo CD cannot say though it would be heard.
  test('an action is offered exactly where the operator would not refuse it', async () => {
    const offers = await runLua<Record<string, { disabled: boolean }>>(actions['discovery.lua'], objects);
    const differ = all.flatMap((portrait, index) =>
      argoCdVerbs.flatMap((verb) => {
        const offered = offers[index]?.[verb]?.disabled === false;
        const verdict = verdictOf(portrait, verb);
        return offered === (verdict === 'Applied') ? [] : [`${portrait.name}: ${verb} offered ${offered}, ${verdict}`];
      }),
    );
    expect(differ).toEqual([]);
  });

  test('its rights and its actions are the same verbs', () => {
    const documents = parseAllDocuments(readFileSync(join(folder, 'rights.yaml'), 'utf8'));
    const [role] = documents.map((document) => document.toJS() as { rules: { verbs: string[] }[] });
    expect(role?.rules[1]?.verbs).toEqual(argoCdVerbs);
    expect(actions.definitions.map(({ name }) => name)).toEqual(argoCdVerbs);
  });

  describe('an action on the real API server', () => {
    const namespace = `argocd-${process.pid}`;
    const asServer = ['--as=system:serviceaccount:argocd:argocd-server', '--as-group=system:authenticated'];
    const create = (object: unknown, ...as: string[]) =>
      lab.kubectl(['create', '-f', '-', '-o', 'json', ...as], JSON.stringify(object));

    beforeAll(async () => {
      await kubectl(lab, 'create', 'namespace', namespace);
      await kubectl(lab, 'apply', '--server-side', '-f', join(folder, 'rights.yaml'));
      await applyAll(lab, [rolloutOf(shopAt(namespace))]);
    });

    async function madeBy(verb: Verb): Promise<Record<string, unknown>> {
      const script = actions.definitions.find(({ name }) => name === verb)?.['action.lua'] ?? '';
      const holding = all.find(({ state }) => state.release?.stage === 'Holding' && state.phase === 'Progressing');
      const object = { ...holding?.object, metadata: { ...holding?.object.metadata, name: 'checkout', namespace } };
      const [made] = await runLua<{ operation: string; resource: Record<string, unknown> }[]>(script, [object]);
      expect(made).toHaveLength(1);
      expect(made?.[0]?.operation).toBe('create');
      return made?.[0]?.resource ?? {};
    }

    test.each(argoCdVerbs)('%s is taken from the account of Argo CD', async (verb) => {
      const { code, stdout, stderr } = await create(await madeBy(verb), ...asServer);
      expect(code, stderr).toBe(0);
      const { spec } = JSON.parse(stdout) as { spec: Record<string, unknown> };
      const step = verb === 'promote' || verb === 'skip-step' ? { step: 1 } : {};
      expect(spec).toEqual({
        rollout: 'checkout',
        verb,
        by: 'system:serviceaccount:argocd:argocd-server',
        reason: 'pressed in Argo CD, whose log says by whom',
        ...step,
      });
    });

    test('another account is told the name to write', async () => {
      const other = 'system:serviceaccount:gitops:argocd-server';
      await kubectl(
        lab,
        'create',
        'rolebinding',
        'other',
        '-n',
        namespace,
        '--clusterrole=headgate-argocd',
        `--user=${other}`,
      );
      const { code, stderr } = await create(await madeBy('pause'), `--as=${other}`, '--as-group=system:authenticated');
      expect(code).not.toBe(0);
      expect(stderr).toContain(`spec.by must be your own user name, ${other}, and not`);
    });

    test('a verb that it was not given stays refused', async () => {
      const action = await madeBy('pause');
      const alone = ['--as=system:serviceaccount:argocd:argocd-server', '--as-group=system:authenticated'];
      await kubectl(lab, 'delete', 'clusterrolebinding', 'headgate-argocd');
      const { code, stderr } = await create(action, ...alone);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/cannot create resource "rolloutactions"/);
    });
  });
});

describe('Flux', () => {
  const words = { Healthy: 'Current', Progressing: 'InProgress', Paused: 'InProgress', Degraded: 'Failed' };

  test('kstatus waits for the end of a release, and fails with a degraded one', async () => {
    const results = await kstatusOf(objects);
    expect(results.map(({ status }) => status)).toEqual(all.map(({ state }) => words[state.phase]));
  });

  // kills: a Rollout that is ready before the operator has looked at it.
  test('what the operator has not seen yet is in progress', async () => {
    const namespace = `flux-${process.pid}`;
    await kubectl(lab, 'create', 'namespace', namespace);
    await applyAll(lab, [rolloutOf(shopAt(namespace))]);
    const stored = JSON.parse(await kubectl(lab, 'get', 'rollout', 'checkout', '-n', namespace, '-o', 'json'));
    const results = await kstatusOf([stored, ...edited]);
    expect(stored.status).toEqual({ observedGeneration: -1 });
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['InProgress']));
  });

  test('one that is being deleted is terminating', async () => {
    const leaving = objects.map((object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: '2026-03-02T04:00:00Z' },
    }));
    const results = await kstatusOf(leaving);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['Terminating']));
  });
});
