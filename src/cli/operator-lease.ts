import { figure, record, text } from '#core/raw.ts';
import { LEASE } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { sleep } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { World } from './world.ts';

/** The Lease that replicas of the operator compete for. */
export const LEASE_NAME = 'headgate';

const LOOK_MS: Millis = 1000;
/** Longer than a term: another replica may just be about to take over. */
const PATIENCE_MS: Millis = 20_000;

/**
 * Whether an operator works: whether its Lease is renewed while we look. Times in it are of another machine's clock, so
 * none of them is compared with ours.
 */
export async function isOperatorRunning(
  api: KubeApi,
  namespace: string,
  { clock, signal }: Pick<World, 'clock' | 'signal'>,
): Promise<boolean> {
  const first = await read(api, namespace);
  const termMs = (figure(record(first, 'spec')['leaseDurationSeconds']) ?? 0) * 1000;
  const until = clock.monotonic() + Math.max(PATIENCE_MS, termMs);
  const before = renewalOf(first);
  while (clock.monotonic() < until) {
    await sleep(clock, LOOK_MS, signal);
    const now = renewalOf(await read(api, namespace));
    if (now !== undefined && now !== before) return true;
  }
  return false;
}

/** Changes with each renewal; undefined when nobody holds the Lease. */
function renewalOf(lease: KubeObject | undefined): string | undefined {
  const { holderIdentity, renewTime } = record(lease, 'spec');
  const holder = text(holderIdentity) ?? '';
  return holder === '' ? undefined : `${holder} ${text(renewTime) ?? ''}`;
}

async function read(api: KubeApi, namespace: string): Promise<KubeObject | undefined> {
  return await api.get({ resource: LEASE, namespace, name: LEASE_NAME }).catch((error: unknown) => {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  });
}
