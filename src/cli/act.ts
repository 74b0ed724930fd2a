import { randomUUID } from 'node:crypto';
import type { Verb } from '#core/model.ts';
import { record, text, texts } from '#core/raw.ts';
import type { RolloutView } from '#core/view-words.ts';
import { apiVersionOf, ROLLOUT_ACTION, SELF_SUBJECT_REVIEW } from '#kube/resources.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { sleep } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { CliError, type ExitCode, exit } from './exit.ts';
import { findRollout } from './find.ts';
import { codeOf, type WaitFlags, waitForRest } from './status.ts';
import type { World } from './world.ts';

export interface ActFlags extends WaitFlags {
  message: string;
  /** Of an undo: what to go back to. */
  toRevision?: string;
}

/** How long to wait for the operator's answer, and how often to look. */
const ANSWER_MS: Millis = 10_000;
const LOOK_MS: Millis = 200;

/** Says one verb about the release that stands, and waits for the operator's answer. */
export async function act(verb: Verb, name: string, flags: ActFlags, world: World): Promise<ExitCode> {
  const cluster = await world.connect(flags);
  try {
    const where = { name, namespace: flags.namespace ?? cluster.namespace };
    const { view } = await findRollout(cluster, where);
    const caller = await whoAmI(cluster.api);
    const action = await create(cluster.api, actionFor(view, { verb, caller, flags }));
    const answer = await waitForAnswer(cluster.api, action, world);
    if (answer === undefined) {
      world.err(
        `${verb} ${name} is recorded as ${action.metadata.name}, but the operator has not answered yet. Is it running?\n`,
      );
      return exit.waiting;
    }
    if (answer.state !== 'Applied')
      throw new CliError(`${verb} ${name} was ${answer.state.toLowerCase()}: ${answer.message}`);
    world.out.write(`${verb} ${name}: ${answer.message === '' ? 'done' : answer.message}\n`);
    if (flags.wait !== true) return exit.ok;
    const after = (await findRollout(cluster, where)).view;
    const last = await waitForRest(where, { cluster, world, timeoutMs: flags.timeout * 1000, view: after });
    world.out.write(`${last.sentence}\n`);
    return wished(verb, last) ? exit.ok : codeOf(last);
  } finally {
    await cluster.close();
  }
}

/** Some verbs wish for what is no success elsewhere: all traffic back, or a pause. */
function wished(verb: Verb, view: RolloutView): boolean {
  if (verb === 'retreat' || verb === 'abort') return view.weight === 0 && !view.moving;
  return verb === 'pause' && view.phase === 'Paused';
}

interface Caller {
  name: string;
  groups: string[];
}

/** The API server checks that `by` is the caller, so it must be the name that it knows us by. */
async function whoAmI(api: KubeApi): Promise<Caller> {
  const review: KubeObject = {
    apiVersion: apiVersionOf(SELF_SUBJECT_REVIEW),
    kind: SELF_SUBJECT_REVIEW.kind,
    metadata: { name: '' },
  };
  const answer = await api.create(SELF_SUBJECT_REVIEW, review);
  const { username, groups } = record(answer, 'status', 'userInfo');
  const name = text(username);
  if (name === undefined)
    throw new CliError('the API server does not say who you are (SelfSubjectReview without a name)');
  return { name, groups: texts(groups) };
}

/** The step goes along only where it says what is to be left: a step that has passed meanwhile is then refused. */
function actionFor(
  view: RolloutView,
  { verb, flags, caller }: { verb: Verb; flags: ActFlags; caller: Caller },
): KubeObject {
  const ofStep = (verb === 'promote' || verb === 'skip-step' || verb === 'approve') && view.step !== undefined;
  const running = view.release !== undefined && view.release.outcome === undefined ? view.release.uid : undefined;
  return {
    apiVersion: apiVersionOf(ROLLOUT_ACTION),
    kind: ROLLOUT_ACTION.kind,
    metadata: { name: `${view.name}-${verb}-${randomUUID().slice(0, 8)}`, namespace: view.namespace },
    spec: {
      rollout: view.name,
      verb,
      reason: flags.message,
      by: caller.name,
      ...(running === undefined ? {} : { releaseUid: running }),
      ...(ofStep ? { step: rungNumber(view) } : {}),
      ...(verb === 'approve' ? shown(view, caller) : {}),
      ...(flags.toRevision === undefined ? {} : { toRevision: flags.toRevision }),
    },
  };
}

/** What is approved: the images that run, as one of the groups that are asked for. Others are nobody's business. */
function shown({ canary, release }: RolloutView, { groups }: Caller): { groups?: string[]; digests?: string[] } {
  const asked = new Set((release?.ladder ?? []).flatMap(({ approval }) => approval?.groups ?? []));
  const mine = groups.filter((group) => asked.has(group));
  const { digests = [] } = canary ?? {};
  return {
    ...(mine.length === 0 ? {} : { groups: mine }),
    ...(digests.length === 0 ? {} : { digests }),
  };
}

/** Counted from 1; the bake comes after the last step. */
function rungNumber({ step, release }: RolloutView): number | undefined {
  if (step !== 'bake') return step?.number;
  const index = release?.ladder.findIndex(({ bake }) => bake === true) ?? -1;
  return index < 0 ? undefined : index + 1;
}

async function create(api: KubeApi, action: KubeObject): Promise<KubeObject> {
  try {
    return await api.create(ROLLOUT_ACTION, action, { fieldManager: 'kubectl-headgate' });
  } catch (error) {
    if (!(error instanceof OperatorError) || (error.code !== 'KUBE_FORBIDDEN' && error.code !== 'KUBE_INVALID'))
      throw error;
    const { rollout, verb } = record(action, 'spec');
    const need = `it needs the right to create rolloutactions and the verb "${verb}" on rollouts.headgate.dev/${rollout} in ${action.metadata.namespace}`;
    throw new CliError(`${error.message}\n${need}`);
  }
}

async function waitForAnswer(
  api: KubeApi,
  action: KubeObject,
  { clock, signal }: World,
): Promise<{ state: string; message: string } | undefined> {
  const { name, namespace = '' } = action.metadata;
  const until = clock.monotonic() + ANSWER_MS;
  for (;;) {
    const status = record(await api.get({ resource: ROLLOUT_ACTION, namespace, name }), 'status');
    const state = text(status['state']);
    if (state !== undefined) return { state, message: text(status['message']) ?? '' };
    if (clock.monotonic() >= until) return undefined;
    await sleep(clock, LOOK_MS, signal);
  }
}
