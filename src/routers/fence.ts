import type { Fence } from '#core/seen.ts';
import { WHOLE } from '#lib/units.ts';
import type { PatchOperation, RouteObject } from './define.ts';

/**
 * `<release>/<n>/<weight>`: who moved this route's traffic last, with which number, to where. The release has its
 * namespace before it, `shop/checkout-7`, where that is not the route's.
 */
export const FENCE_ANNOTATION = 'headgate.dev/fence';

const FENCE =
  /^((?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\/(?=[^/]*-\d+\/))?[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)\/(\d{1,9})\/(\d{1,6})$/;
const POINTER = `/metadata/annotations/${FENCE_ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1')}`;

export function formatFence({ release, n, weight }: Fence): string {
  return `${release}/${n}/${weight}`;
}

/** Undefined for anything that we would not have written: to the core that is a fence that is gone. */
export function parseFence(text: string | undefined): Fence | undefined {
  const match = FENCE.exec(text ?? '');
  if (match === null) return undefined;
  const fence = { release: match[1] ?? '', n: Number(match[2]), weight: Number(match[3]) };
  return fence.weight <= WHOLE && formatFence(fence) === text ? fence : undefined;
}

/** The fence on this object, if there is a readable one. */
export function readFence(route: RouteObject): Fence | undefined {
  return parseFence(route.metadata.annotations?.[FENCE_ANNOTATION]);
}

/**
 * Tests that open every patch. JSON patch cannot test that something is absent, so an absent fence rests on the
 * resourceVersion; a present one is tested as the raw text that was read, readable or not.
 */
export function guards(route: RouteObject, resourceVersion: string): PatchOperation[] {
  const seen = route.metadata.annotations?.[FENCE_ANNOTATION];
  const version: PatchOperation = { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
  return seen === undefined ? [version] : [version, { op: 'test', path: POINTER, value: seen }];
}

/** Operations that make the fence say this; empty when it already does. */
export function setFence(route: RouteObject, fence: Fence): PatchOperation[] {
  const value = formatFence(fence);
  const { annotations } = route.metadata;
  if (annotations === undefined || annotations === null) {
    return [{ op: 'add', path: '/metadata/annotations', value: { [FENCE_ANNOTATION]: value } }];
  }
  return annotations[FENCE_ANNOTATION] === value ? [] : [{ op: 'add', path: POINTER, value }];
}

/** Takes the fence away, and with it the annotations map if nothing else is in it. */
export function removeFence(route: RouteObject): PatchOperation[] {
  const annotations = route.metadata.annotations ?? {};
  if (annotations[FENCE_ANNOTATION] === undefined) return [];
  const alone = Object.keys(annotations).length === 1;
  const path = alone ? '/metadata/annotations' : POINTER;
  return [...guards(route, route.metadata.resourceVersion ?? ''), { op: 'remove', path }];
}
