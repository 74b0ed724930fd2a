import type { RolloutView } from '#core/view-words.ts';
import type { Millis } from '#lib/units.ts';
import { sleep } from '#ports/clock.ts';
import { type ExitCode, exit } from './exit.ts';
import { findRollout, type ScopeFlags } from './find.ts';
import type { Cluster, World } from './world.ts';

export interface WaitFlags extends ScopeFlags {
  wait?: boolean;
  /** In seconds. */
  timeout: number;
}

const LOOK_MS: Millis = 1000;

/** `status`: one sentence, and a code that a pipeline can branch on. */
export async function status(name: string, flags: WaitFlags, world: World): Promise<ExitCode> {
  const cluster = await world.connect(flags);
  try {
    const where = { name, namespace: flags.namespace ?? cluster.namespace };
    const { view } = await findRollout(cluster, where);
    const last =
      flags.wait === true ? await waitForRest(where, { cluster, world, timeoutMs: flags.timeout * 1000, view }) : view;
    world.out.write(`${last.sentence}\n`);
    return codeOf(last);
  } finally {
    await cluster.close();
  }
}

/** 0 at rest, 1 when it went wrong, 3 when it moves or waits. */
export function codeOf({ phase, reason }: RolloutView): ExitCode {
  if (phase === 'Healthy') return exit.ok;
  return phase === 'Degraded' || reason === 'GateBreached' ? exit.failed : exit.waiting;
}

interface Wait {
  cluster: Cluster;
  world: World;
  timeoutMs: Millis;
  view: RolloutView;
}

/** The newest view once nothing moves by itself any more, or when the time is up. Tells each new sentence on the way. */
export async function waitForRest(
  where: { name: string; namespace: string },
  { cluster, world, timeoutMs, view }: Wait,
): Promise<RolloutView> {
  const { clock, signal } = world;
  const until = clock.monotonic() + timeoutMs;
  let last = view;
  while (!(last.phase === 'Healthy' || last.needsPerson) && clock.monotonic() < until) {
    await sleep(clock, LOOK_MS, signal);
    const next = (await findRollout(cluster, where)).view;
    if (next.sentence !== last.sentence) world.err(`${next.sentence}\n`);
    last = next;
  }
  return last;
}
