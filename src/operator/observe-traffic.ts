import { canaryServiceName, FIELD_MANAGER, STABLE_LABEL } from '#core/labels.ts';
import { record, records } from '#core/raw.ts';
import type { SeenRoute, SeenService } from '#core/seen.ts';
import { sameJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { lastSpecManager } from '#routers/gateway-status.ts';
import { barredFrom } from './allowed.ts';
import { observeCompanion } from './companions.ts';
import type { RoutePlace } from './route-kinds.ts';
import { canaryServiceFor, serviceSpec } from './workload.ts';

/** Routes and Services as the core sees them. */

export interface RouteSight {
  rollout: KubeObject;
  /** The user's Service. */
  service: string;
  memo: string | undefined;
  /** ReferenceGrants of the Rollout's namespace. */
  grants?: readonly KubeObject[];
}

export function observeRoute(
  name: string,
  place: RoutePlace | undefined,
  { rollout, service, memo, grants = [] }: RouteSight,
): SeenRoute {
  const services = { stable: service, canary: canaryServiceName(service) };
  if (place?.origin !== undefined) return observeCompanion(name, place, { rollout, services });
  const object = place?.store.get(place.ref);
  if (place === undefined || object === undefined)
    return { name, exists: false, resourceVersion: '', accepted: false, memo: memo ?? '' };
  const { router } = place;
  const reading = router.read(object, services, memo);
  const manager = router.manager(object);
  const barred = barredFrom(object, place, { rollout, service, grants });
  return {
    name,
    exists: true,
    resourceVersion: object.metadata.resourceVersion ?? '',
    accepted: router.accepted?.(object) ?? true,
    memo: reading.memo,
    ...(reading.weight === undefined ? {} : { weight: reading.weight }),
    ...(reading.spread === undefined ? {} : { spread: reading.spread }),
    ...(reading.fence === undefined ? {} : { fence: reading.fence }),
    ...(reading.reach === undefined ? {} : { reach: reading.reach }),
    ...(reading.conflict === undefined ? {} : { conflict: reading.conflict }),
    ...(barred === undefined ? {} : { barred }),
    ...(manager === undefined ? {} : { manager }),
    ...(reading.sticky === undefined ? {} : { sticky: reading.sticky }),
    ...(reading.extra.length === 0 ? {} : { extra: reading.extra }),
  };
}

export function isNarrowed(service: KubeObject): boolean {
  return serviceSpec(service).selector?.[STABLE_LABEL] === 'true';
}

/** The user's Service as the core sees it. */
export function observeService(name: string, service: KubeObject): SeenService {
  const narrowed = isNarrowed(service);
  // Nobody is named for what is in order.
  const manager = narrowed ? undefined : lastSpecManager(service);
  const declared = isDeclared(service) ? { declared: true as const } : {};
  return { name, narrowed, ...declared, ...(manager === undefined ? {} : { manager }) };
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Somebody else's text has our label in the Service's selector: that is one whole, so its last writer has written all of it. */
export function isDeclared(service: KubeObject): boolean {
  if (!isNarrowed(service)) return false;
  const owner = records(service.metadata.managedFields).some(
    ({ manager, fieldsV1 }) => manager !== FIELD_MANAGER && 'f:selector' in record({ fieldsV1 }, 'fieldsV1', 'f:spec'),
  );
  return owner || appliedSelector(service)[STABLE_LABEL] === 'true';
}

function appliedSelector({ metadata }: KubeObject): Record<string, unknown> {
  try {
    const applied: unknown = JSON.parse(metadata.annotations?.[LAST_APPLIED] ?? '{}');
    return record(applied, 'spec', 'selector');
  } catch {
    return {};
  }
}

/** True when the canary's Service says what the user's Service asks of it today. */
export function canaryServiceCurrent(
  rollout: KubeObject,
  service: KubeObject,
  canary: KubeObject | undefined,
): boolean {
  if (canary === undefined) return false;
  const wanted = serviceSpec(canaryServiceFor(rollout, service, canary.metadata.name));
  const found = serviceSpec(canary);
  // The API server fills in what we leave out, so only what we ask for is compared; of ports likewise.
  const ports =
    (wanted.ports ?? []).every((port, i) => subset(port, found.ports?.[i])) &&
    wanted.ports?.length === found.ports?.length;
  const { ports: _, ...rest } = wanted;
  return ports && subset(rest, found);
}

function subset(wanted: object, found: object | undefined): boolean {
  if (found === undefined) return false;
  const there: Record<string, unknown> = { ...found };
  return Object.entries(wanted).every(([key, value]) => sameJson(value, there[key]));
}
