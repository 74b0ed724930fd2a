import { ROLLOUT_ACTION } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import { formatDuration, type Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';

/** How long an answer of the guard is believed. */
const EVERY_MS: Millis = 3_600_000;
/** Until the guard has been seen to work once, it is asked this often: policies load a moment after they are applied. */
const AGAIN_MS: Millis = 5000;

export interface Protection {
  /** True once a forged action was refused, and until one is accepted. Unproven is unprotected. */
  protected(): boolean;
  /** True once a forged group was refused: those of an action may be believed. */
  groups(): boolean;
  /** True once a forged action was accepted: anybody can write in another's name. */
  open(): boolean;
  run(signal: AbortSignal): void;
}

/**
 * Actions are as strong as the admission policy that checks who wrote them. So the operator forges one, as a dry
 * run: if the API server would take it, actions are ignored, because anybody could have written any of them.
 */
export function createProtection(deps: {
  api: KubeApi;
  namespace: string;
  clock: Clock;
  log: Log;
  changed(): void;
}): Protection {
  const { clock, log } = deps;
  let guard: Guard = 'unknown';
  let groups = false;
  const check = async (signal: AbortSignal): Promise<void> => {
    const before = `${guard}/${groups}`;
    ({ guard, groups } = await forge(deps));
    if (before !== `${guard}/${groups}`) deps.changed();
    const proven = guard === 'refuses';
    if (!proven)
      log.warn('actions are ignored: apply deploy/admission-policy.yaml', { guard, again: formatDuration(AGAIN_MS) });
    else if (!groups) log.warn('groups of approvals are ignored: deploy/admission-policy.yaml is of an older version');
    if (!signal.aborted) clock.timer(proven ? EVERY_MS : AGAIN_MS, () => void check(signal));
  };
  return {
    protected: () => guard === 'refuses',
    groups: () => guard === 'refuses' && groups,
    open: () => guard === 'accepts',
    run: (signal) => void check(signal),
  };
}

const forged = (namespace: string) => ({
  apiVersion: `${ROLLOUT_ACTION.group}/${ROLLOUT_ACTION.version}`,
  kind: ROLLOUT_ACTION.kind,
  metadata: { name: 'forged-check', namespace },
  spec: {
    rollout: 'forged',
    verb: 'abort',
    reason: 'a dry run that must be refused',
    by: 'headgate:somebody-else',
    groups: ['headgate:nobody'],
  },
});

/** What the API server does with a forged action; unknown while it could not be asked. */
type Guard = 'refuses' | 'accepts' | 'unknown';

interface Answer {
  guard: Guard;
  /** The rule about groups is there: it is the first of the policy, so its message is the one that comes back. */
  groups: boolean;
}

async function forge({ api, namespace, log }: { api: KubeApi; namespace: string; log: Log }): Promise<Answer> {
  try {
    await api.create(ROLLOUT_ACTION, forged(namespace), { dryRun: true });
    return { guard: 'accepts', groups: false };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The policy answers 422 Invalid with its own message; RBAC's 403 would prove nothing about other people.
    if (hasCode(error, 'KUBE_INVALID', 'KUBE_FORBIDDEN') && /ValidatingAdmissionPolicy/.test(message))
      return { guard: 'refuses', groups: message.includes('spec.groups') };
    log.warn('the guard of actions could not be checked', { error: message });
    return { guard: 'unknown', groups: false };
  }
}
