import { ROLLOUT } from '#kube/resources.ts';
import { type ExitCode, exit } from './exit.ts';
import { type ScopeFlags, scopeOf } from './find.ts';
import { aborted } from './watch.ts';
import type { World } from './world.ts';

/** `dashboard`: the live page on loopback, until Ctrl-C. */
export async function dashboard(flags: ScopeFlags & { port: number }, world: World): Promise<ExitCode> {
  const cluster = await world.connect(flags);
  const namespace = scopeOf(flags, cluster);
  // A missing right is told here, in the terminal, and not by an empty page.
  await cluster.api.list(ROLLOUT, namespace);
  const feed = await cluster.feed(namespace);
  const server = await world.serve({ feed, port: flags.port });
  try {
    world.out.write(`${server.url}\n`);
    world.err(
      `Serving ${namespace === undefined ? 'every namespace' : `namespace ${namespace}`} for you alone; the part after # is its key. Ctrl-C ends it.\n`,
    );
    await aborted(world.signal);
    return exit.ok;
  } finally {
    await server.close();
    await feed.close();
    await cluster.close();
  }
}
