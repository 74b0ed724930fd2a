import { CANARY_LABEL, REVISION_LABEL, STABLE_LABEL } from '#core/labels.ts';
import type { ReleaseState, State } from '#core/model.ts';
import type { Fence } from '#core/seen.ts';
import { LEASE } from '#kube/resources.ts';
import { stateOf } from '#operator/reading.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { readFence } from '#routers/fence.ts';
import { httpRoute } from '#routers/http-route.ts';
import { canaryShare } from '#sandbox/canary-ingress.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import type { Change } from '#sandbox/store.ts';
import { Adoption } from './adoption.ts';
import { Approvals } from './approvals.ts';
import { Companions, isCompanion } from './companions.ts';
import { BACKLOG_MS } from './faults.ts';
import { wronglyReached } from './matching.ts';
import { sendsFew, wronglyCopied } from './mirroring.ts';
import { Undoing } from './undoing.ts';
import type { World } from './world.ts';

/** Two leaders may die, and one stand still, before the labels of a release that went back are taken off its pods. */
const WAY_BACK_MS = 60_000;

/** An answer, and the tick that it is of, may be that old when a stay begins. */
const STAY_SLACK_MS = 2500;

/** Looks at every change of the cluster, and says what must never happen. */
export interface Watcher {
  readonly violations: string[];
  /** Names of all releases that were begun. */
  readonly begun: Set<string>;
  readonly undoing: Pick<Undoing, 'lacks'>;
}

export function createWatcher(world: World): Watcher {
  const eyes = new Eyes(world);
  world.sandbox.store.subscribe((change) => eyes.look(change));
  return eyes;
}

interface Turn {
  was: number;
  is: number;
  /** 1: users are matched from now on; -1: nobody is any more. */
  matched: number;
}

interface Raise {
  is: number;
  fence: Fence | undefined;
  old: Fence | undefined;
  route: string;
}

class Eyes implements Watcher {
  readonly violations: string[] = [];
  readonly begun = new Set<string>();
  readonly #world: World;
  /** By release and route: when a person took its traffic back, until somebody says something. */
  readonly #takenBack = new Map<string, Map<string, number>>();
  /** Replicas of each ReplicaSet as an operator wrote them last. */
  readonly #wished = new Map<string, number>();
  /** Pods that have joined stable's Service by right, by UID, and when that was so last. */
  readonly #joined = new Map<string, number>();
  readonly #approvals: Approvals;
  readonly #adoption: Adoption;
  readonly #companions: Companions;
  readonly undoing: Undoing;
  /** Images that became stable by a person's word: their way back needs none. */
  readonly #worded = new Set<string>();
  /** When the stay of this moment began. */
  #stayedSince = 0;
  /** Whether a canary pod was ready at the last look, and when one was. */
  #carried = false;
  #carriedAt = Number.NEGATIVE_INFINITY;

  constructor(world: World) {
    this.#world = world;
    this.#approvals = new Approvals(world);
    this.#adoption = new Adoption(world);
    this.#companions = new Companions(world);
    this.undoing = new Undoing(world);
  }

  look(change: Change): void {
    this.#onCompanion(change);
    if (change.kind.endsWith('routes.gateway.networking.k8s.io') || isCompanion(change, this.#world))
      this.#onRoute(change);
    if (change.kind.startsWith('rollouts.')) this.#onRollout(change);
    if (change.kind.startsWith('replicasets.')) this.#onSet(change);
    if (change.kind.startsWith('rolloutactions.') && change.type === 'ADDED') this.#approvals.onAction(change.object);
    if (change.kind === 'pods.') this.#onPod();
    if (change.kind === 'pods.' || change.kind === 'services.') this.#onServing();
  }

  #onCompanion(change: Change): void {
    const wrong = this.#companions.look(change);
    if (wrong !== undefined) this.#violate(wrong);
  }

  #onServing(): void {
    const wrong = this.#adoption.look();
    if (wrong !== undefined) this.#violate(wrong);
  }

  #violate(what: string): void {
    this.violations.push(what);
    this.#world.note(`VIOLATION ${what}`);
  }

  /** Invariants 3, 4, 6 and 11: what a raise needs, and who may write it. */
  #onRoute(change: Change): void {
    const { object, type } = change;
    const deleted = type === 'DELETED';
    // An object of the user's is deleted by its user alone, and then nothing of it is looked at.
    if (deleted && !isCompanion(change, this.#world)) return;
    const previous = deleted ? object : change.previous;
    const matched = deleted ? 0 : Number(sendsFew(object)) - Number(sendsFew(previous));
    const turn = { was: weightOf(previous), is: deleted ? 0 : weightOf(object), matched };
    const { writer } = this.#world;
    const old = previous === undefined ? undefined : readFence(previous);
    if (writer !== undefined && turn.is <= turn.was) this.#noteCovered(keyOf(change), readFence(object));
    if (turn.was === turn.is && matched === 0) return;
    this.#tellTurn(turn, readFence(object));
    if (writer !== undefined) this.#onOurs(writer, change, { ...turn, old });
    else if (old !== undefined) this.#noteTaken(old, keyOf(change), matched < 0 ? -1 : turn.is);
  }

  #tellTurn({ was, is, matched }: Turn, fence: Fence | undefined): void {
    const users = matched === 0 ? '' : matched > 0 ? ', users are matched' : ', nobody is matched';
    this.#world.note(`${this.#world.writer ?? 'person'} turns ${was} to ${is}${users} (${fence?.release}/${fence?.n})`);
  }

  #onOurs(writer: string, change: Change, { was, is, matched, old }: Turn & { old: Fence | undefined }): void {
    const { object, previous } = change;
    const route = keyOf(change);
    const fence = readFence(object);
    const wrong =
      wronglyReached(this.#world, { object, previous, fence }) ?? wronglyCopied(this.#world, { object, previous });
    if (wrong !== undefined) this.#violate(wrong);
    if (is > was || (is === was && matched > 0)) this.#onRaise(writer, { is, fence, old, route });
    else this.#world.lowered(writer);
  }

  /** Whoever gives back as much as the fence says, or more, before anybody looked has withdrawn it: nothing of it is left to see. */
  #noteTaken({ release, weight }: Fence, route: string, is: number): void {
    const taken = this.#takenBack.get(release) ?? new Map<string, number>();
    this.#takenBack.set(release, taken);
    if (is < weight) taken.set(route, this.#world.clock.monotonic());
    else taken.delete(route);
  }

  /**
   * A lowering over what a hand has left, where the record granted no more by then: one that was on its way, or whose
   * record was lost. Nothing of the hand is left to see, unless it stands in the record.
   */
  #noteCovered(route: string, fence: Fence | undefined): void {
    const { phase, reason, release } = this.#world.state() ?? {};
    const told = phase === 'Paused' && reason === 'RouteChanged';
    if (fence === undefined || told || release === undefined || release.weight > fence.weight) return;
    this.#takenBack.get(fence.release)?.delete(route);
  }

  /** Never the route itself, which the raise has tested; another one as soon as a cache may have shown it. */
  #wasTaken(release: string, route: string): boolean {
    const taken = this.#takenBack.get(release) ?? new Map<string, number>();
    const known = this.#world.clock.monotonic() - BACKLOG_MS;
    return taken.has(route) || [...taken.values()].some((at) => at < known);
  }

  #onRaise(writer: string, { is, fence, old, route }: Raise): void {
    this.#world.looked('granted', 'fenced', 'upward', 'oneWriter', 'carried');
    const grant = this.#world.state()?.release;
    if (grant === undefined || is > grant.weight) this.#violate(`raised to ${is} without a stored grant`);
    if (fence?.release !== grant?.name) this.#violate('raised for another release than the one on record');
    if (old !== undefined && old.release === fence?.release && old.n >= fence.n)
      this.#violate('raised past a newer fence');
    if (fence !== undefined && this.#wasTaken(fence.release, route)) this.#violate('corrected upward');
    this.#checkLeader(writer);
    this.#noteCarriers();
    if (this.#world.clock.monotonic() - this.#carriedAt > BACKLOG_MS) this.#violate('raised without a pod to carry it');
  }

  #checkLeader(writer: string): void {
    const lease = this.#world.actor.get({ resource: LEASE, namespace: 'headgate-system', name: 'headgate' });
    const holder = String(dig(lease, ['spec', 'holderIdentity']) ?? '');
    if (!holder.startsWith(`${writer}_`)) this.#violate(`${writer} raised while ${holder || 'nobody'} leads`);
  }

  /** Invariants 10 and 12: the commit point, and pauses. */
  #onRollout({ object, previous }: Change): void {
    const [before, after] = [previous === undefined ? undefined : stateOf(previous), stateOf(object)];
    this.undoing.onRollout();
    if (before === undefined || after === undefined || this.#world.writer === undefined) return;
    const [was, is] = [before.release, after.release];
    if (is !== undefined) this.begun.add(is.name);
    this.#tell(before, after);
    if (mayJoin(was)) this.#noteJoined(this.#ready(STABLE_LABEL));
    this.#checkCommit(before, after);
    if (is !== undefined) this.#checkBlame(is);
    if (was !== undefined && is !== undefined) this.#checkStay(was, is);
    for (const wrong of [this.#approvals.onState(before, after), this.undoing.onState(before, after)])
      if (wrong !== undefined) this.#violate(wrong);
    this.#checkPause(before, after);
  }

  #checkPause(before: State, after: State): void {
    const [was, is] = [before.release, after.release];
    this.#world.looked('paused');
    const acted = after.actions[0]?.uid !== before.actions[0]?.uid;
    if (acted) this.#takenBack.clear();
    if (acted || was === undefined || is?.name !== was.name || is.ending !== undefined || is.committed) return;
    // One for approvals ends with the last of them, which is watched by itself.
    const held = before.phase === 'Paused' && before.reason !== 'Step' && before.reason !== 'Approval';
    if (held && after.phase !== 'Paused') this.#violate(`the pause ${before.reason} was lifted by nobody`);
  }

  #checkCommit({ release: was }: State, { release: is, stable }: State): void {
    this.#world.looked('committed');
    if (is?.committed === true && was?.committed !== true) this.#checkRotten(is);
    if (was?.committed !== true) return;
    if (is?.name === was.name && (!is.committed || is.ending !== undefined))
      this.#violate('back over the commit point');
    if (stable === was.from) this.#violate('stable fell back after the commit point');
  }

  /** What fails two of five requests is found out at every weight, whatever became of its source meanwhile. */
  #checkRotten({ name, revision }: ReleaseState): void {
    this.#world.looked('rotten');
    const image = this.#world.imageOf(`shop-${revision}`);
    if (this.#world.promoted.has(name)) this.#worded.add(image);
    if (image.includes('bad') && !this.#worded.has(image)) this.#violate(`${image} is stable by nobody's word`);
  }

  /** Sound images fail nothing, so nothing can be worse with them: unless both arms were ill for a while. */
  #checkBlame({ name, revision, breach }: ReleaseState): void {
    if (this.#world.prometheus === undefined || breach === undefined) return;
    this.#world.looked('slander');
    const image = this.#world.imageOf(`shop-${revision}`);
    const ill = this.#world.faults.has('source: both arms bad') || image.includes('bad') || image === '';
    if (!ill && breach.cause === 'Worse') this.#violate(`${name} is blamed and never failed`);
  }

  /** Silence is not success: a step is left on what was counted while it stood, or on a word. */
  #checkStay(was: ReleaseState, is: ReleaseState): void {
    // A step of headers is left by the stop gates.
    const left = was.stage === 'Holding' && was.reach === undefined && (is.step > was.step || is.stage === 'Promoting');
    if (left && this.#world.prometheus !== undefined && !this.#world.promoted.has(is.name)) {
      this.#world.looked('silence');
      if (this.#world.heardAt() < this.#stayedSince - STAY_SLACK_MS)
        this.#violate('left a step that nothing was heard of');
    }
    if (is.stage === 'Holding' && (was.stage !== 'Holding' || was.step !== is.step))
      this.#stayedSince = this.#world.clock.monotonic();
  }

  #tell(before: State, { phase, reason, release }: State): void {
    if (before.phase === phase && before.release?.stage === release?.stage && before.release?.step === release?.step)
      return;
    const where =
      release === undefined ? '' : ` ${release.name} ${release.stage} step ${release.step} ${release.weight}`;
    this.#world.note(`${this.#world.writer} stores ${phase} ${reason ?? ''}${where}`);
  }

  /** Invariants 7 and 8: nothing that traffic still needs is scaled down. */
  #onSet({ object, previous, type }: Change): void {
    const { uid = '' } = object.metadata;
    const replicas = (set: KubeObject) => Number(dig(set, ['spec', 'replicas']) ?? 0);
    const left = type === 'DELETED' ? 0 : replicas(object);
    if (this.#world.writer === undefined) return;
    const own = this.#wished.get(uid) ?? left;
    this.#wished.set(uid, left);
    // What somebody else added is no loss.
    if (previous === undefined || left >= Math.min(own, replicas(previous))) return;
    this.#world.looked('scaled', 'demand');
    const { stable, release } = this.#world.state() ?? {};
    const revision = object.metadata.labels?.[REVISION_LABEL];
    const sent = this.#world.sent();
    if (revision === release?.revision && !release?.committed && sent > 0)
      this.#violate(`the canary is scaled to ${left} while the gateway sends it ${sent}`);
    if (
      revision === stable &&
      left < this.#world.leastReplicas() &&
      this.#world.rollout()?.metadata.deletionTimestamp === undefined
    )
      this.#violate(`stable is scaled to ${left}`);
  }

  /**
   * Invariant 9: no unproven pod behind the stable Service. One that came there by right, before its release went back to
   * its first step, has the time that it takes to be taken from there.
   */
  #onPod(): void {
    const { stable, release } = this.#world.state() ?? {};
    this.#noteCarriers();
    this.#approvals.onPod();
    if (stable === undefined) return;
    const serving = this.#ready(STABLE_LABEL);
    if (mayJoin(release)) {
      this.#noteJoined(serving);
      return;
    }
    this.#world.looked('unproven');
    const latest = this.#world.clock.monotonic() - WAY_BACK_MS;
    const unproven = serving.find(({ metadata: { labels, uid = '' } }) => {
      const revision = labels?.[REVISION_LABEL];
      return (
        revision !== stable &&
        revision !== release?.from &&
        (this.#joined.get(uid) ?? Number.NEGATIVE_INFINITY) < latest
      );
    });
    if (unproven !== undefined) this.#violate(`${unproven.metadata.name} is behind the stable Service and unproven`);
  }

  #noteJoined(pods: readonly KubeObject[]): void {
    for (const { metadata } of pods) this.#joined.set(metadata.uid ?? '', this.#world.clock.monotonic());
  }

  #ready(label: string): KubeObject[] {
    const pods = this.#world.pods().filter((pod) => readySince(pod) !== undefined);
    return pods.filter(({ metadata }) => metadata.labels?.[label] === 'true');
  }

  #noteCarriers(): void {
    const now = this.#world.clock.monotonic();
    if (this.#carried) this.#carriedAt = now;
    this.#carried = this.#ready(CANARY_LABEL).length > 0;
    if (this.#carried) this.#carriedAt = now;
  }
}

function keyOf({ kind, object }: Change): string {
  return `${kind}/${object.metadata.name}`;
}

/** Its pods may be behind stable's Service: they pass the last stage, or are on their way out of it. */
function mayJoin(release: State['release']): boolean {
  return release?.stage === 'Promoting' || release?.ending !== undefined;
}

/** Parts of 100,000 that the route gives the canary. Both kinds are read alike. */
export function weightOf(route: KubeObject | undefined): number {
  if (route === undefined) return 0;
  if (route.kind === 'Ingress') return canaryShare(route);
  return httpRoute.read(route, { stable: 'shop', canary: 'shop-canary' }).weight ?? 0;
}
