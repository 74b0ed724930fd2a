import type { Step } from '#core/model.ts';
import { record, records, text } from '#core/raw.ts';
import type { Reach } from '#core/words.ts';
import { GATEWAY_CLASS, GATEWAY_RESOURCE } from '#kube/resources.ts';
import { type Millis, WHOLE } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { RouteObject } from '#routers/define.ts';
import { createReminders } from './reminders.ts';

/**
 * What the gateways behind an HTTPRoute say that they can do. Copying requests is an extended feature, and there are
 * gateways that accept a rule with it and then answer 500 to everybody (Traefik 3.7): acceptance says nothing about it.
 */
export interface GatewayFeatures {
  /**
   * Asks for the classes of the gateways of these routes, where a step needs more than every gateway has. Never throws.
   * What could not be told is asked again a moment later.
   */
  ask(question: FeatureQuestion, signal: AbortSignal): Promise<void>;
  /** Why the gateways of this route cannot do it; undefined: they can, or their class does not say what it can. */
  lacks(route: RouteObject, reach: Reach): string | undefined;
}

export interface FeatureQuestion {
  /** Of the Rollout, as `namespace/name`. */
  key: string;
  routes: readonly RouteObject[];
  steps: readonly Pick<Step, 'reach'>[];
}

/** Nothing tells that a gateway has come, or that its class was accepted. */
const UNREAD_AGAIN_MS: Millis = 5000;
/** A class says what it can when its gateway is installed or upgraded. */
const AGAIN_MS: Millis = 60_000;
/** Gateways remembered; one more is only asked about again. */
const KEPT = 1000;

interface Known {
  askedAt: Millis;
  gatewayClass: string;
  /** Undefined: the class does not say. */
  features?: ReadonlySet<string>;
  /** Why it could not be read. */
  unread?: string;
}

export interface GatewayFeaturesDeps {
  api: KubeApi;
  clock: Clock;
  /** Wants the Rollout to be looked at again. */
  again(key: string): void;
}

export function createGatewayFeatures({ api, clock, again }: GatewayFeaturesDeps): GatewayFeatures {
  const known = new Map<string, Known>();
  const remind = createReminders(clock, again);
  const look = async (ref: GatewayRef, signal: AbortSignal): Promise<Known> => {
    const id = `${ref.namespace}/${ref.name}`;
    const askedAt = clock.monotonic();
    const before = known.get(id);
    if (before !== undefined && before.unread === undefined && askedAt - before.askedAt < AGAIN_MS) return before;
    const found = { askedAt, ...(await read(api, ref, signal)) };
    known.set(id, found);
    if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
    return found;
  };
  return {
    async ask({ key, routes, steps }, signal) {
      if (steps.every(({ reach }) => featuresFor(reach).length === 0)) return;
      let unread = false;
      for (const ref of routes.flatMap(gatewaysOf)) unread = (await look(ref, signal)).unread !== undefined || unread;
      if (unread) remind(key, UNREAD_AGAIN_MS);
    },
    lacks(route, reach) {
      const wanted = featuresFor(reach);
      const found = gatewaysOf(route).map(({ namespace, name }) => known.get(`${namespace}/${name}`));
      return found.map((one) => lackOf(one, wanted)).find((why) => why !== undefined);
    },
  };
}

/** Names of Gateway API, beyond those that every gateway must have. */
function featuresFor(reach: Reach | undefined): string[] {
  if (reach?.mirror === undefined) return [];
  return reach.mirror < WHOLE
    ? ['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror']
    : ['HTTPRouteRequestMirror'];
}

function lackOf(known: Known | undefined, wanted: readonly string[]): string | undefined {
  if (known === undefined || wanted.length === 0) return undefined;
  const { gatewayClass, features, unread } = known;
  if (unread !== undefined) return `whether its gateway can copy requests cannot be read: ${unread}`;
  const missing = features === undefined ? [] : wanted.filter((feature) => !features.has(feature));
  if (missing.length === 0) return undefined;
  return `GatewayClass ${gatewayClass} does not list ${missing.join(' and ')} in status.supportedFeatures, and its gateway may answer errors to everybody: take the step out, or use a gateway that can copy requests`;
}

interface GatewayRef {
  namespace: string;
  name: string;
}

/** Parents of other kinds, such as the Services of a mesh, have no class. */
function gatewaysOf({ metadata, ...route }: RouteObject): GatewayRef[] {
  return records(record(route, 'spec')['parentRefs']).flatMap((parent) => {
    const name = text(parent['name']);
    const isGateway = (text(parent['kind']) ?? GATEWAY_RESOURCE.kind) === GATEWAY_RESOURCE.kind;
    const namespace = text(parent['namespace']) ?? metadata.namespace ?? '';
    return isGateway && name !== undefined ? [{ namespace, name }] : [];
  });
}

async function read(api: KubeApi, ref: GatewayRef, signal: AbortSignal): Promise<Omit<Known, 'askedAt'>> {
  let gatewayClass = '';
  try {
    const gateway = await api.get({ resource: GATEWAY_RESOURCE, ...ref }, { signal });
    gatewayClass = text(record(gateway, 'spec')['gatewayClassName']) ?? '';
    const status = record(await api.get({ resource: GATEWAY_CLASS, name: gatewayClass }, { signal }), 'status');
    // Its list comes with its acceptance, or never: before that, none means nothing.
    const accepted = records(status['conditions']).some(({ type, status: is }) => type === 'Accepted' && is === 'True');
    if (!accepted) return { gatewayClass, unread: `GatewayClass ${gatewayClass} is not accepted by a controller` };
    const { supportedFeatures } = status;
    if (!Array.isArray(supportedFeatures) || supportedFeatures.length === 0) return { gatewayClass };
    // Before v1.1 of Gateway API the list held bare names.
    const names = supportedFeatures.map((one) => text(one) ?? text(record(one)['name']) ?? '');
    return { gatewayClass, features: new Set(names) };
  } catch (error) {
    return { gatewayClass, unread: error instanceof Error ? error.message : String(error) };
  }
}
