import { FINALIZER } from '#core/labels.ts';
import { record, text } from '#core/raw.ts';
import { ROLLOUT } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { sleep } from '#ports/clock.ts';
import type { KubeApi, KubeObject, ObjectRef } from '#ports/kube-api.ts';
import { CliError, type ExitCode, exit } from './exit.ts';
import { removeLeftovers } from './leftovers.ts';
import { isOperatorRunning, LEASE_NAME } from './operator-lease.ts';
import { type OutputFormat, printDocument } from './print.ts';
import {
  drawPlan,
  isThere,
  type Leaving,
  listAll,
  type Plan,
  planUninstall,
  type Removal,
  removalTitle,
  titleOf,
} from './uninstall-plan.ts';
import type { ClusterFlags, World } from './world.ts';

export interface UninstallFlags extends ClusterFlags {
  /** Refused: it would say less than what happens. */
  namespace?: string;
  yes?: boolean;
  dryRun?: boolean;
  /** Goes on without an operator: nothing is given back then. */
  force?: boolean;
  /** Deletes the pods of Rollouts that have a template of their own. */
  deletePods?: boolean;
  operatorNamespace: string;
  /** In seconds. */
  timeout: number;
  output: OutputFormat;
}

interface Leave {
  api: KubeApi;
  world: World;
  flags: UninstallFlags;
  plan: Plan;
  /** Monotonic. */
  until: Millis;
}

const LOOK_MS: Millis = 1000;

/** `uninstall`: every Rollout gives back what it took; when all are gone, the kinds and the admission policy go. */
export async function uninstall(flags: UninstallFlags, world: World): Promise<ExitCode> {
  if (flags.namespace !== undefined)
    throw new CliError('uninstall is for the whole cluster, because kinds are: leave -n out', exit.usage);
  const cluster = await world.connect(flags);
  try {
    const { api } = cluster;
    const plan = await planUninstall(api, flags.deletePods === true);
    const leave = { api, world, flags, plan, until: world.clock.monotonic() + flags.timeout * 1000 };
    if (isForPeople(flags)) world.out.write(drawPlan(plan));
    if (flags.dryRun === true) return report(leave, { waiting: [], removed: [] });
    if (flags.yes !== true) throw new CliError('nothing was changed: add --yes to do this, or --dry-run to look only');
    await deleteRollouts(leave);
    const waiting = await waitUntilGone(leave);
    // By force nobody has taken the routes back, and they may still send there.
    if (waiting.length === 0 && flags.force !== true) await removeLeftovers(api, plan.rollouts, world.err);
    return report(leave, { waiting, removed: waiting.length > 0 ? [] : await remove(leave) });
  } finally {
    await cluster.close();
  }
}

function isForPeople({ output }: UninstallFlags): boolean {
  return output !== 'json' && output !== 'yaml';
}

async function deleteRollouts({ api, world, flags, plan }: Leave): Promise<void> {
  if (plan.rollouts.length === 0) return;
  world.err(`Looking for the operator by Lease ${flags.operatorNamespace}/${LEASE_NAME}\n`);
  const runs = await isOperatorRunning(api, flags.operatorNamespace, world);
  if (!runs && flags.force !== true) throw new CliError(absent(flags));
  for (const one of plan.rollouts) await deleteOne(one, { api, world, runs });
}

async function deleteOne(
  one: Leaving,
  { api, world, runs }: Pick<Leave, 'api' | 'world'> & { runs: boolean },
): Promise<void> {
  const { rollout, pods } = one;
  const { uid, deletionTimestamp } = rollout.metadata;
  if (deletionTimestamp !== undefined) {
    // How it was deleted is settled already: without its finalizer the pods might go at once.
    if (!runs) world.err(`${titleOf(one)}: ${settled(rollout)}\n`);
    return;
  }
  // Where nobody gives anything back, whatever serves users now must stay.
  const propagation = runs && pods !== 'Stay' ? 'Background' : 'Orphan';
  await unlessGone(api.delete(refOf(rollout), { propagation, ...(uid === undefined ? {} : { uid }) }));
  world.err(`${titleOf(one)}: deletion asked for\n`);
  if (!runs) await release(api, rollout);
}

function settled({ metadata: { namespace = '', name } }: KubeObject): string {
  return `was deleted before, and its pods may go with it. Take its finalizer off by hand: kubectl patch rollout ${name} -n ${namespace} --type=merge -p '{"metadata":{"finalizers":null}}'`;
}

function absent({ operatorNamespace }: UninstallFlags): string {
  return `no operator renews Lease ${operatorNamespace}/${LEASE_NAME}, so nobody would give traffic and Deployments back. Start it, or name its namespace with --operator-namespace.
With --force the Rollouts go all the same: pods, Services and routes stay as they are, and adopted Deployments stay at 0`;
}

function refOf({ metadata: { namespace = '', name } }: KubeObject): ObjectRef {
  return { resource: ROLLOUT, namespace, name };
}

async function unlessGone(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
  });
}

/** Lets a Rollout go without its operator. Finalizers of others, such as that of the garbage collector, are theirs. */
async function release(api: KubeApi, { metadata: { uid, namespace = '', name } }: KubeObject): Promise<void> {
  const ref = { resource: ROLLOUT, namespace, name };
  const now = await api.get(ref).catch((error: unknown) => {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  });
  if (now === undefined || now.metadata.uid !== uid) return;
  const { resourceVersion, finalizers = [] } = now.metadata;
  const left = finalizers.filter((finalizer) => finalizer !== FINALIZER);
  await unlessGone(api.mergePatch(ref, { metadata: { resourceVersion, finalizers: left } }));
}

/** Those that are still there when the time is up. Tells each new word of the operator on the way. */
async function waitUntilGone({ api, world, plan, until }: Leave): Promise<KubeObject[]> {
  const ours = new Set(plan.rollouts.map(({ rollout }) => rollout.metadata.uid));
  const said = new Map(plan.rollouts.map(({ rollout }) => [titleOf({ rollout }), '']));
  for (;;) {
    const all = await listAll(api, ROLLOUT);
    const left = all.filter(({ metadata }) => ours.has(metadata.uid));
    tell(said, left, world);
    if (left.length === 0 && all.length > 0) throw new CliError(cameAnew(all));
    if (left.length === 0 || world.clock.monotonic() >= until) return left;
    await sleep(world.clock, LOOK_MS, world.signal);
  }
}

function tell(said: Map<string, string>, left: readonly KubeObject[], { err }: World): void {
  const words = new Map(left.map((rollout) => [titleOf({ rollout }), wordOf(rollout)]));
  for (const [title, before] of said) {
    const word = words.get(title) ?? 'gone';
    if (word !== before) err(`${title}: ${word}\n`);
    said.set(title, word);
  }
}

/** What the operator says it waits for. */
function wordOf(rollout: KubeObject): string {
  return text(record(rollout, 'status')['message']) ?? 'the operator has said nothing about it yet';
}

function cameAnew(rollouts: readonly KubeObject[]): string {
  const names = rollouts.map((rollout) => titleOf({ rollout })).join(', ');
  return `these Rollouts were made meanwhile, and nothing is removed under them: ${names}. Take them out of Git first, then run this again`;
}

/** Kinds first: as long as there are actions, the policy keeps forged ones out. */
async function remove({ api, world, plan, until }: Leave): Promise<Removal[]> {
  const removed: Removal[] = [];
  for (const removal of plan.removals) {
    await unlessGone(api.delete(removal.ref));
    let left = await isThere(api, removal.ref);
    while (left && world.clock.monotonic() < until) {
      await sleep(world.clock, LOOK_MS, world.signal);
      left = await isThere(api, removal.ref);
    }
    world.err(`${removalTitle(removal)}: ${left ? 'on its way out' : 'removed'}\n`);
    if (!left) removed.push(removal);
  }
  return removed;
}

interface Done {
  waiting: readonly KubeObject[];
  removed: readonly Removal[];
}

function report({ world, flags, plan }: Leave, { waiting, removed }: Done): ExitCode {
  const { operatorNamespace: namespace, dryRun = false } = flags;
  const left = [
    `namespace ${namespace} with the operator's Deployment, ServiceAccount and roles: kubectl delete -k deploy --ignore-not-found, or helm uninstall`,
  ];
  if (!isForPeople(flags)) {
    const rollouts = plan.rollouts.map((one) => documentOf(one, { waiting, dryRun }));
    const names = (dryRun ? plan.removals : removed).map(removalTitle);
    world.out.write(
      printDocument({ dryRun, rollouts, removed: names, left }, flags.output === 'yaml' ? 'yaml' : 'json'),
    );
  } else if (dryRun) world.out.write('Nothing was changed.\n');
  else if (waiting.length > 0) world.out.write(stillThere(waiting, flags));
  else if (removed.length < plan.removals.length)
    world.out.write('Some of this is on its way out: run this again to see it gone.\n');
  else world.out.write(`Headgate is gone but for ${left.join('\n')}\n`);
  return dryRun || removed.length === plan.removals.length ? exit.ok : exit.waiting;
}

function documentOf(
  { rollout, deployment, pods }: Leaving,
  { waiting, dryRun }: Pick<Done, 'waiting'> & { dryRun: boolean },
): Record<string, unknown> {
  const { namespace, name, uid } = rollout.metadata;
  const left = waiting.find(({ metadata }) => metadata.uid === uid);
  const done = dryRun ? 'Planned' : 'Gone';
  return {
    ...{ namespace, name, pods, ...(deployment === undefined ? {} : { deployment }) },
    ...(left === undefined ? { state: done } : { state: 'Waiting', message: wordOf(left) }),
  };
}

function stillThere(waiting: readonly KubeObject[], { timeout }: UninstallFlags): string {
  const lines = waiting.map((rollout) => `  ${titleOf({ rollout })}: ${wordOf(rollout)}\n`);
  return `After ${timeout} s these are still there, and nothing was removed under them. Mend what they say and run this again:\n${lines.join('')}`;
}
