import type { Counts } from '#core/gate.ts';
import { figure, instant, present, type Raw, record, text } from '#core/raw.ts';
import type { GroupMember, GroupSight, MemberBreach } from '#core/sights.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { carriesTraffic, goesBack, PREPARES_MS } from './carrying.ts';
import { BY_GROUP, groupOf, modeOf, type Stores } from './stores.ts';

/** Most Rollouts of other namespaces that are named. */
const ELSEWHERE_MAX = 16;

/** What the other Rollouts of the group are about to do, read from their stored states. */
export function observeGroup(
  { rollouts }: Pick<Stores, 'rollouts'>,
  rollout: KubeObject,
  now: Millis,
): GroupSight | undefined {
  const name = groupOf(rollout);
  if (name === undefined) return undefined;
  const { namespace, name: own } = rollout.metadata;
  const all = rollouts.byIndex(BY_GROUP, name);
  const near = all.filter(({ metadata }) => metadata.namespace === namespace && metadata.name !== own);
  const far = all
    .filter(({ metadata }) => metadata.namespace !== namespace)
    .filter((other) => memberOf(other, now).carries);
  const members = near.map((other) => memberOf(other, now)).sort((a, b) => (a.rollout < b.rollout ? -1 : 1));
  const elsewhere = far.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();
  const mode = modeOf(rollout) === 'Attribute' ? { mode: 'Attribute' as const } : {};
  return { name, ...mode, members, elsewhere: elsewhere.slice(0, ELSEWHERE_MAX) };
}

/**
 * Rollouts that wait for this one, or may: all of the group in its namespace that want to move, and those that move at
 * once with it.
 */
export function waitingWith({ rollouts }: Pick<Stores, 'rollouts'>, rollout: KubeObject): KubeObject[] {
  const name = groupOf(rollout);
  if (name === undefined) return [];
  const { namespace, name: own } = rollout.metadata;
  return rollouts
    .byIndex(BY_GROUP, name)
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.name !== own)
    .filter((other) => {
      const { wantsSince, carries, mode } = memberOf(other, Number.NEGATIVE_INFINITY);
      return wantsSince !== undefined || (carries && mode === 'Attribute');
    });
}

/** A release that is paused at weight 0, or has ended, wants nothing: nobody waits for it. */
export function memberOf(rollout: KubeObject, now: Millis): GroupMember {
  const state = record(rollout, 'status', 'state');
  const release = record(state, 'release');
  // What its record takes back is on the canary until the gateways say otherwise.
  const carries = carriesTraffic(release) || goesBack(release, now);
  const begun = text(release['name']) !== undefined;
  const over = release['ending'] !== undefined || release['committed'] === true;
  const wants = state['phase'] === 'Progressing' && !over;
  const prepares = begun && now - (instant(state['since']) ?? 0) <= PREPARES_MS;
  const since = instant(state['queuedAt']) ?? (prepares ? instant(release['startedAt']) : undefined);
  const rest = {
    ...(modeOf(rollout) === 'Attribute' ? { mode: 'Attribute' as const } : {}),
    ...breachOf(release),
  };
  const name = rollout.metadata.name;
  return wants && since !== undefined && !carries
    ? { rollout: name, carries, wantsSince: since, ...rest }
    : { rollout: name, carries, ...rest };
}

/** The breach of its release, from its own record. One that left the release behind has taken it along. */
function breachOf(release: Raw): Pick<GroupMember, 'breach'> {
  const { breach: told } = release;
  const breach = record(told);
  const [at, cause] = [instant(breach['at']), text(breach['cause'])];
  if (at === undefined || cause === undefined || release['committed'] === true) return {};
  const [canary, stable] = [countsOf(breach, 'canary'), countsOf(breach, 'stable')];
  return {
    breach: present<MemberBreach>({
      at,
      cause,
      gate: text(breach['gate']),
      arms: canary && stable && { canary, stable },
      remediedAt: instant(record(release, 'ending')['remediedAt']),
    }),
  };
}

function countsOf(breach: Raw, arm: string): Counts | undefined {
  const counts = record(breach, 'arms', arm);
  const total = figure(counts['total']);
  return total === undefined ? undefined : { total, bad: figure(counts['bad']) ?? 0 };
}
