import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { RolloutFeed } from '#http/feed.ts';
import { loadAssets } from '#http/page.ts';
import { createServer } from '#http/server.ts';
import type { Clock } from '#ports/clock.ts';
import { CliError } from './exit.ts';

/** Starts the dashboard's server. The secret stands in the fragment, which browsers never send to anybody. */
export async function serve(
  { feed, port }: { feed: RolloutFeed; port: number },
  clock: Clock,
): Promise<{ url: string; close(): Promise<void> }> {
  const secret = randomBytes(24).toString('base64url');
  const app = createServer({
    feed,
    secret,
    assets: await loadAssets(),
    clock,
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  });
  try {
    await app.listen({ host: '127.0.0.1', port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new CliError(`port ${port} on 127.0.0.1 is in use: give another with --port, or leave it out for any`);
    }
    throw error;
  }
  const address = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}/#${secret}`, close: () => app.close() };
}
