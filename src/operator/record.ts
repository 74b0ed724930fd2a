import { toldOf } from '#core/bad-pod.ts';
import type { Exposure, Held } from '#core/breach.ts';
import type { Effect } from '#core/effect.ts';
import { exposureOf } from '#core/exposure.ts';
import { FIELD_MANAGER } from '#core/labels.ts';
import { rungName } from '#core/ladder.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import { present } from '#core/raw.ts';
import type { Replaced } from '#core/words.ts';
import { RELEASE, ROLLOUT_ACTION } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import { formatDuration, formatPercent, type Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { ENTRY_MAX, type ReleaseStatus, TIMELINE_MAX } from '#schema/release.ts';
import { clip, LONG_PROSE_MAX } from '#schema/release-words.ts';
import type { RolloutWish } from '#schema/translate.ts';
import { percentText, releaseSpecOf } from '#schema/translate-release.ts';
import { mostCarried } from './budgets.ts';
import { keyOf, type Sight } from './observe.ts';
import { mustBeOurs } from './ours.ts';
import { wishOfRevision } from './pinned.ts';
import { prune } from './prune.ts';
import { approvalsOf } from './record-approvals.ts';
import { gateStatusOf } from './status.ts';
import { BY_ROLLOUT, type Stores } from './stores.ts';
import { ownedBy } from './workload.ts';

type Of<K extends Effect['kind']> = Extract<Effect, { kind: K }>;

/** Writes what happened: Release objects, answers to actions, Kubernetes Events. It follows the state and never leads. */
export interface Recorder {
  create(rollout: KubeObject, release: ReleaseState, plan: Plan): Promise<void>;
  update(rollout: KubeObject, effect: Of<'RecordRelease'>): Promise<void>;
  /** Stores the gates' evidence, so that a restart goes on where this process was. */
  checkpoint(rollout: KubeObject, release: string): Promise<void>;
  answer(rollout: KubeObject, effect: Of<'AnswerAction'>): Promise<void>;
}

export interface RecordDeps {
  api: KubeApi;
  stores: Stores;
  clock: Clock;
  telemetry: Telemetry;
  wishOf(rollout: KubeObject): RolloutWish | undefined;
  /** What was decided last, and on what sight: the cache still shows the state before. */
  decided(key: string): { next: State; sight: Sight } | undefined;
  evidenceOf(key: string): string | undefined;
}

export function createRecorder(deps: RecordDeps): Recorder {
  return {
    create: (rollout, release, plan) => create(deps, rollout, release, plan),
    update: (rollout, effect) => update(deps, rollout, effect),
    checkpoint: (rollout, release) => checkpoint(deps, rollout, release),
    answer: (rollout, effect) => answer(deps, rollout, effect),
  };
}

async function create(
  { api, stores, clock, wishOf }: RecordDeps,
  rollout: KubeObject,
  release: ReleaseState,
  plan: Plan,
): Promise<void> {
  const given = wishOf(rollout);
  if (given === undefined) return;
  // What an undo goes back to is not what the Rollout describes.
  const wish = wishOfRevision(rollout, release.revision, { wish: given, stores }) ?? given;
  const { name, namespace = '' } = rollout.metadata;
  const key = keyOf(rollout);
  const releases = stores.releases.byIndex(BY_ROLLOUT, key).filter(({ metadata }) => metadata.name !== release.name);
  const carried = mostCarried(releases, plan, clock.now());
  const object: KubeObject = {
    apiVersion: `${RELEASE.group}/${RELEASE.version}`,
    kind: RELEASE.kind,
    metadata: { name: release.name, namespace, ownerReferences: [ownedBy(rollout)] },
    spec: releaseSpecOf(name, { release, plan, wish: { ...wish, budget: { ...wish.budget, carried } } }),
  };
  try {
    stores.releases.noteWrite(await api.create(RELEASE, object, { fieldManager: FIELD_MANAGER }));
  } catch (error) {
    if (!hasCode(error, 'KUBE_EXISTS')) throw error;
    await mustBeOurs(api, rollout, { resource: RELEASE, object });
  }
  await prune(api, {
    releases: stores.releases.byIndex(BY_ROLLOUT, key),
    actions: stores.actions.byIndex(BY_ROLLOUT, key),
    now: clock.now(),
  });
}

async function update(deps: RecordDeps, rollout: KubeObject, effect: Of<'RecordRelease'>): Promise<void> {
  const { stores, api, clock, telemetry } = deps;
  const { namespace = '' } = rollout.metadata;
  const ref = { resource: RELEASE, namespace, name: effect.name };
  const object = stores.releases.get(ref);
  // Its own last write not yet seen: the next pass finds what is still missing.
  if (object === undefined || !stores.releases.fresh(ref)) return;
  const before = (object['status'] ?? {}) as ReleaseStatus;
  if (before.record === effect.record) return;
  const status = { ...before, ...statusPatch(deps, rollout, effect, before, clock.now()) };
  const write = (told: ReleaseStatus) =>
    api.mergePatch(ref, { status: told }, { subresource: 'status', fieldManager: FIELD_MANAGER });
  const written = await write(status).catch((error: unknown) => {
    // Without an outcome nothing waits for it: what is refused now may be said at the next try.
    if (!hasCode(error, 'KUBE_INVALID') || effect.outcome === undefined) throw error;
    return write(bare(status, error.message));
  });
  stores.releases.noteWrite(written);
  if (effect.outcome !== undefined) telemetry.count('headgate_releases_total', { outcome: effect.outcome });
}

/**
 * CRDs that are older than this operator may refuse what it says. What the next pass waits for stands there all the same,
 * or the release could never end.
 */
function bare({ phase, outcome, startedAt, endedAt, record }: ReleaseStatus, refused: string): ReleaseStatus {
  const message = clip(`the whole record was refused, apply the CRDs of this version: ${refused}`);
  return present<ReleaseStatus>({ phase, outcome, startedAt, endedAt, record, message });
}

function statusPatch(
  deps: RecordDeps,
  rollout: KubeObject,
  { name, record, outcome }: Of<'RecordRelease'>,
  before: ReleaseStatus,
  now: Millis,
): ReleaseStatus {
  const { next: state, sight } = deps.decided(keyOf(rollout)) ?? {};
  const release = state?.release?.name === name ? state.release : undefined;
  const ended = state?.ended?.name === name ? state.ended : undefined;
  const message = clip(ended?.why ?? release?.ending?.why ?? state?.message ?? '');
  const entry = entryOf({
    sight,
    before,
    release,
    message,
    kind: outcome ?? state?.reason,
    over: outcome !== undefined,
  });
  return present<ReleaseStatus>({
    ...figures(sight, before, release),
    phase: outcome ?? state?.phase ?? before.phase,
    outcome,
    reason: release?.ending?.cause ?? state?.reason ?? before.reason,
    message,
    startedAt: before.startedAt ?? (release === undefined ? undefined : time(release.startedAt)),
    endedAt: outcome === undefined ? undefined : time(ended?.at ?? now),
    ...detection(release, before),
    held: release?.held === undefined ? before.held : heldText(release.held),
    attempts: release?.attempt ?? before.attempts,
    ...approvalsOf(sight, before, release),
    timeline: [...(before.timeline ?? []), { at: time(now), ...entry }].slice(-TIMELINE_MAX),
    record,
    evidence: release === undefined ? undefined : deps.evidenceOf(keyOf(rollout)),
  });
}

interface Told {
  sight: Sight | undefined;
  before: ReleaseStatus;
  release: ReleaseState | undefined;
  message: string;
  kind: string | undefined;
  /** It has its outcome. */
  over: boolean;
}

function entryOf({ sight, before, release, message, kind, over }: Told): { kind: string; message: string } {
  // The second word on an ending says that it was obeyed, and not the same once more.
  const replaced = over ? undefined : untold(before, release);
  if (replaced !== undefined)
    return { kind: 'PodReplaced', message: clip(`${weightChange(before, release)}${toldOf(replaced)}`, ENTRY_MAX) };
  const obeyed = !over && release?.ending?.remediedAt !== undefined;
  const holds = release?.held !== undefined && release.held.until === undefined;
  const told = obeyed ? 'every gateway has taken weight 0' : message;
  return {
    kind: obeyed ? 'AtRest' : (kind ?? (holds ? 'Held' : release?.stage) ?? 'Recorded'),
    message: clip(`${weightChange(before, release)}${told}${grounds(sight, release)}`, 160),
  };
}

/** A pod that was replaced since the last entry. */
function untold({ record = '' }: ReleaseStatus, release: ReleaseState | undefined): Replaced | undefined {
  return release?.replaced?.[Number(/\/replaced(\d+)/.exec(record)?.[1] ?? 0)];
}

/** The page draws the ladder from the timeline: an entry names the weight when it is another than before. */
function weightChange({ timeline = [] }: ReleaseStatus, release: ReleaseState | undefined): string {
  const named = timeline
    .map((entry) => /^weight (\S+%): /.exec(entry.message)?.[1])
    .filter((weight) => weight !== undefined);
  const weight = formatPercent(release?.weight ?? 0);
  return weight === (named.at(-1) ?? '0%') ? '' : `weight ${weight}: `;
}

/** Leaving a step is recorded with the evidence that allowed it. */
function grounds(sight: Sight | undefined, release: ReleaseState | undefined): string {
  const moved = release?.stage === 'Shifting' && release.step > 0 && release.acceptedAt === undefined;
  const promoting = release?.stage === 'Promoting' && release.joined === undefined;
  const passed = moved || promoting ? sight?.seen.gates.find(({ verdict }) => verdict === 'Pass') : undefined;
  return passed === undefined ? '' : `; ${passed.gate}: ${passed.message}`;
}

/** Who did it, how soon it was found and mended, and what it had cost by then. */
function detection(release: ReleaseState | undefined, before: ReleaseStatus): Partial<ReleaseStatus> {
  const { earlierBreach, breach, ending } = release ?? {};
  const earlier = earlierBreach === undefined ? {} : { earlierBreach: clip(earlierBreach, LONG_PROSE_MAX) };
  if (breach === undefined) return earlier;
  const { at, cause, gate, raisedAt, exposure, beside, arms } = breach;
  const known = before.breach?.at === time(at) ? before.breach.message : undefined;
  const remediedAt = ending?.remediedAt;
  return {
    ...earlier,
    ...(raisedAt === undefined ? {} : { timeToDetect: length(raisedAt, at) }),
    ...(remediedAt === undefined ? {} : { timeToRemedy: length(at, remediedAt) }),
    breach: present<NonNullable<ReleaseStatus['breach']>>({
      at: time(at),
      cause,
      gate,
      message: known ?? clip(ending?.why ?? earlierBreach ?? ''),
      exposure: exposureText(exposure),
      beside,
      arms,
    }),
  };
}

function heldText({ since, until, culprit }: Held): NonNullable<ReleaseStatus['held']> {
  return present<NonNullable<ReleaseStatus['held']>>({
    since: time(since),
    until: until === undefined ? undefined : time(until),
    culprit: culprit && { ...culprit, at: time(culprit.at) },
  });
}

/** Never negative: the clocks of two operators differ. */
function length(from: Millis, to: Millis): string {
  return formatDuration(Math.max(0, to - from));
}

function exposureText({ requests, bad, excess }: Exposure): NonNullable<ReleaseStatus['exposure']> {
  return { canaryRequests: requests, canaryBad: bad, excess };
}

/** What users met, by the gate that saw most of it. */
function figures(sight: Sight | undefined, before: ReleaseStatus, release: ReleaseState | undefined): ReleaseStatus {
  if (sight === undefined || release === undefined) return {};
  const { gates, release: object } = sight.seen;
  const granted = Math.max(release.weight, Number((before.weight ?? '0%').slice(0, -1)) * 1000);
  const step = object === undefined ? undefined : rungName(object.plan, release.step);
  const base = present<ReleaseStatus>({ step: step ?? before.step, weight: formatPercent(granted) });
  const exposure = exposureOf(gates, object?.plan);
  if (exposure === undefined) return base;
  return {
    ...base,
    spend: percentText(Math.max(...gates.map((reading) => reading.evidence.spend))),
    badRequests: exposure.bad,
    exposure: exposureText(exposure),
    gates: gates.map(gateStatusOf),
  };
}

async function checkpoint({ api, stores, evidenceOf }: RecordDeps, rollout: KubeObject, name: string): Promise<void> {
  const evidence = evidenceOf(keyOf(rollout));
  const ref = { resource: RELEASE, namespace: rollout.metadata.namespace ?? '', name };
  if (evidence === undefined || stores.releases.get(ref) === undefined) return;
  stores.releases.noteWrite(
    await api.mergePatch(ref, { status: { evidence } }, { subresource: 'status', fieldManager: FIELD_MANAGER }),
  );
}

async function answer(
  { api, stores, clock }: RecordDeps,
  rollout: KubeObject,
  { action, result }: Of<'AnswerAction'>,
): Promise<void> {
  const ref = { resource: ROLLOUT_ACTION, namespace: rollout.metadata.namespace ?? '', name: action };
  const status = { state: result.result, message: clip(result.message), at: time(clock.now()) };
  try {
    stores.actions.noteWrite(
      await api.mergePatch(ref, { status }, { subresource: 'status', fieldManager: FIELD_MANAGER }),
    );
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
  }
}

function time(at: Millis): string {
  return new Date(at).toISOString();
}
