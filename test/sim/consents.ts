import { ALLOW_ANNOTATION, barredFrom } from '#operator/allowed.ts';
import type { RoutePlace } from '#operator/route-kinds.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { httpRoute } from '#routers/http-route.ts';
import { drawPlan, type Mishap } from './plan.ts';

/** Who lets the shop split its routes: their owners by an annotation, and the shop's namespace by a ReferenceGrant. */

export const OURS = 'shop/shop';
const SERVICES = ['shop', 'shop-canary'] as const;
type Service = (typeof SERVICES)[number];

/** What stands there for one route. */
export interface Consent {
  /** It belongs to another namespace than the shop. */
  abroad: boolean;
  /** The Rollout that its annotation names. */
  named?: string | undefined;
  /** The Services that a grant of the shop's namespace lets it send to. */
  granted: readonly Service[];
}

/** What becomes of a consent. */
const TURNS: Readonly<Record<string, { chance: number; to: Partial<Consent> }>> = {
  'word of the owner taken away': { chance: 0.01, to: { named: undefined } },
  'owner names another Rollout': { chance: 0.01, to: { named: 'shop/other' } },
  'word of the owner given': { chance: 0.04, to: { named: OURS } },
  'grant taken away': { chance: 0.01, to: { granted: [] } },
  "grant of the user's Service alone": { chance: 0.01, to: { granted: ['shop'] } },
  'grant given': { chance: 0.04, to: { granted: SERVICES } },
};

/** All owners take their word back, for a while, as soon as a release is past its commit point. */
export const AT_COMMIT = 'words go at the commit point';

/** Drawn apart, so that what befalls a world otherwise does not depend on them. */
export function drawTurns(seed: number, moments: number, wildness: number, from: number): Mishap[] {
  const turns = Object.entries(TURNS).map(([what, { chance }]): [string, number] => [what, chance]);
  const chances = Object.fromEntries([...turns, [AT_COMMIT, 0.04]]);
  return drawPlan(-1 - seed, moments, chances, wildness).map((mishap) => ({ ...mishap, index: from + mishap.index }));
}

/** The turn of a consent; undefined: it is none. */
export function turnOf(what: string): Partial<Consent> | undefined {
  return TURNS[what]?.to;
}

export const WHOLE: Omit<Consent, 'abroad'> = { named: OURS, granted: SERVICES };

/** How a route stands when its world begins. */
export function drawConsent(route: string, random: Random): Consent {
  const abroad = random() < (route === 'admin' ? 1 : 0.5);
  const named = random() < 0.15 ? undefined : OURS;
  return { abroad, named, granted: random() < 0.15 ? [] : SERVICES };
}

/** Told again from the documents: who is of the shop's namespace may be split unless it belongs to another Rollout. */
export function allows({ abroad, named, granted }: Consent): boolean {
  if (!abroad) return named === undefined || named === OURS;
  return named === OURS && granted.includes('shop') && granted.includes('shop-canary');
}

/** A gateway takes the route as it is: it may send to every Service that stands there. */
export function resolves({ abroad, granted }: Consent, sends: boolean): boolean {
  return !abroad || (granted.includes('shop') && (!sends || granted.includes('shop-canary')));
}

/** What the operator reads of it. */
export function barredBy(route: string, consent: Consent): string | undefined {
  const namespace = consent.abroad ? 'edge' : 'shop';
  const annotations = consent.named === undefined ? {} : { [ALLOW_ANNOTATION]: consent.named };
  const object: KubeObject = { ...objectOf('HTTPRoute', route, namespace), metadata: { name: route, annotations } };
  const ref: RoutePlace['ref'] = { resource: httpRoute.resource, namespace, name: route };
  const rollout = objectOf('Rollout', 'shop', 'shop');
  return barredFrom(object, { ref }, { rollout, service: 'shop', grants: consent.granted.map(grantOf) });
}

/** One for each Service, as strict teams write them. */
function grantOf(name: Service): KubeObject {
  const { group, kind } = httpRoute.resource;
  const from = [{ group, kind, namespace: 'edge' }];
  const spec = { from, to: [{ group: '', kind: 'Service', name }] };
  return { ...objectOf('ReferenceGrant', name, 'shop'), spec };
}

function objectOf(kind: string, name: string, namespace: string): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace } };
}
