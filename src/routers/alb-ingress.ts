import { canaryServiceName } from '#core/labels.ts';
import { isRecord, sameJson } from '#lib/json.ts';
import { annotationPointer, lastAnnotator } from './annotators.ts';
import { ruleRouter } from './backend-rules.ts';
import { defineRouter, type PatchOperation, type RouteObject, type ServicePair } from './define.ts';
import { FENCE_ANNOTATION } from './fence.ts';
import { areBackends, backendsOf, recordsOf, shown } from './lists.ts';
import type { Backend, Rule, RuleShape } from './rule-view.ts';

/**
 * Ingress as the AWS Load Balancer Controller splits it: a path names an action and the port `use-annotation`, and the
 * annotation `alb.ingress.kubernetes.io/actions.<action>` holds JSON with weighted target groups. Each action that a path
 * names is a rule, and its target groups are the backends.
 *
 * A weight is 0 to 999, so the whole is dealt out in 800 parts: the most that divide it. The controller reports nothing on
 * the Ingress, and a target group without a weight has 1.
 *
 * Source: AWS Load Balancer Controller, guide, Ingress annotations, "actions"; `TargetGroupTuple` of its source.
 */
const shape: RuleShape = {
  kind: 'albIngress',
  word: 'target group',
  resource: { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', kind: 'Ingress', namespaced: true },
  granularity: 125,
  writes: '/metadata/annotations',
  rules: (route) => actionsOf(route).map(ruleOf),
  isService: (backend, name) => backend['serviceName'] === name,
  renamed: (backend, name) => ({ ...backend, serviceName: name }),
  weights: (backends) => backends.map(({ weight = 1 }) => weight),
  nameOf: ({ serviceName, targetGroupARN }) => shown(serviceName ?? targetGroupARN),
  objection: ({ backends }, stable) => {
    const own = backends.filter(({ serviceName }) => serviceName !== canaryServiceName(stable));
    return own.length < MOST_GROUPS ? undefined : 'has five target groups, and an ALB takes no more: take one out';
  },
  sticky: ({ path }, route) => {
    const said = actionsOf(route).find((action) => action.path === path)?.said ?? {};
    const config = configOf(said)['targetGroupStickinessConfig'];
    return isRecord(config) && config['enabled'] === true;
  },
};

/** What one rule of an ALB takes: the canary's has to find room beside the others. */
const MOST_GROUPS = 5;

/** As much as a route may remember. */
const MOST_MEMO = 1024;

const base = ruleRouter(shape);

export const albIngress = defineRouter({
  ...base,
  keyed: 'Ingress.alb',
  read(route, services, memo) {
    const { conflict, ...reading } = base.read(route, services, memo === undefined ? undefined : marksOf(memo));
    const why = conflict ?? (memo === undefined ? unfit(route, services) : undefined);
    return { ...reading, ...(why === undefined ? {} : { conflict: why }), memo: memo || remembered(route, services) };
  },
  capture: remembered,
  write(route, services, wish) {
    const actions = actionsOf(route);
    const originals = textsOf(wish.memo);
    return base.write(route, services, { ...wish, memo: marksOf(wish.memo) }).map((change): PatchOperation => {
      const action = actions.find(({ path }) => path === change.path);
      if (action === undefined) return change;
      if (change.op === 'test') return { ...change, value: action.text };
      return { ...change, value: textOf(action, change.value as Backend[], originals) };
    });
  },
  manager: (route) => {
    const names = actionsOf(route).map(({ name }) => `${PREFIX}${name}`);
    return lastAnnotator(route, [...names, FENCE_ANNOTATION]);
  },
});

const PREFIX = 'alb.ingress.kubernetes.io/actions.';

interface Action {
  name: string;
  /** Of its annotation. */
  path: string;
  /** As the annotation says it. */
  text: string;
  /** What that says; an empty object where it is no JSON object. */
  said: Record<string, unknown>;
}

/** The actions that paths name, in the order of their names. */
function actionsOf(route: RouteObject): Action[] {
  const named = new Set(namedBackends(route).flatMap(({ name, byAction }) => (byAction ? [name] : [])));
  const said = Object.entries(route.metadata.annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return said.flatMap(([key, text]) => {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : undefined;
    if (name === undefined || !named.has(name)) return [];
    return [{ name, path: annotationPointer(key), text, said: parsed(text) }];
  });
}

function parsed(text: unknown): Record<string, unknown> {
  if (typeof text !== 'string') return {};
  try {
    const said: unknown = JSON.parse(text);
    return isRecord(said) ? said : {};
  } catch {
    return {}; // what the controller cannot read either sends nothing anywhere
  }
}

/** Its name alone tells an action from others: what else is edited in it takes nothing of ours away. */
function ruleOf({ name, path, said }: Action): Rule {
  const { targetGroups } = configOf(said);
  const flaw = areBackends(targetGroups) ? undefined : `forwardConfig.targetGroups of action ${name}`;
  return { label: `action ${name}`, path, backends: backendsOf(targetGroups), content: { name }, flaw };
}

function configOf({ forwardConfig }: Record<string, unknown>): Record<string, unknown> {
  return isRecord(forwardConfig) ? forwardConfig : {};
}

function textOf({ name, said }: Action, targetGroups: Backend[], originals: Record<string, string>): string {
  const next = { ...said, forwardConfig: { ...configOf(said), targetGroups } };
  const original = originals[name];
  // At rest the text is the user's, spaces and all.
  return original !== undefined && sameJson(parsed(original), next) ? original : JSON.stringify(next);
}

/** The marks of the rules, and in the next line the texts that would come back otherwise than they were. */
function remembered(route: RouteObject, services: ServicePair): string {
  const marks = base.capture(route, services);
  const texts = actionsOf(route).flatMap((action): [string, string][] => {
    const { backends } = ruleOf(action);
    if (!backends.some((backend) => shape.isService(backend, services.stable, { route }))) return [];
    const back = backends.map(({ weight, ...rest }) => (weight === undefined ? rest : { ...rest, weight }));
    return textOf(action, back, {}) === action.text ? [] : [[action.name, action.text]];
  });
  return texts.length === 0 ? marks : `${marks}\n${JSON.stringify(Object.fromEntries(texts))}`;
}

const marksOf = (memo: string): string => memo.split('\n', 1)[0] ?? '';

function textsOf(memo: string): Record<string, string> {
  const texts = Object.entries(parsed(memo.slice(marksOf(memo).length + 1)));
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** What stands in the way of a release besides the target groups. */
function unfit(route: RouteObject, services: ServicePair): string | undefined {
  const ingress = `Ingress ${route.metadata.name}`;
  const direct = namedBackends(route).some(({ name, byAction }) => !byAction && name === services.stable);
  if (direct)
    return `a path of ${ingress} names Service ${services.stable} itself, which has no weights: name an action there, with the port use-annotation, that forwards to ${services.stable}`;
  if (remembered(route, services).length <= MOST_MEMO) return undefined;
  return `the actions of ${ingress} that forward to ${services.stable} are too long to be remembered, ${MOST_MEMO} characters at most: write them without spaces, or share them out over several Ingresses`;
}

interface NamedBackend {
  name: string;
  /** It is the name of an action, not of a Service. */
  byAction: boolean;
}

function namedBackends(route: RouteObject): NamedBackend[] {
  const { rules, defaultBackend } = isRecord(route['spec']) ? route['spec'] : {};
  const paths = recordsOf(rules).flatMap(({ http }) => recordsOf(isRecord(http) ? http['paths'] : undefined));
  return [...paths.map(({ backend }) => backend), defaultBackend].flatMap((backend): NamedBackend[] => {
    const { name, port } = isRecord(backend) && isRecord(backend['service']) ? backend['service'] : {};
    const byAction = isRecord(port) && port['name'] === 'use-annotation';
    return typeof name === 'string' ? [{ name, byAction }] : [];
  });
}
