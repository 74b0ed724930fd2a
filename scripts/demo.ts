import { labGround, sandboxGround } from './demo/ground.ts';
import { failedDuring, report, type Story } from './demo/report.ts';
import { follow } from './demo/screen.ts';
import { openShop, type Shop } from './demo/shop.ts';
import { stay } from './demo/stay.ts';

/**
 * `make demo`: a good release is promoted and a bad one is caught, while the terminal and the page show it; with real
 * requests, pods that answer them, Prometheus and the operator's own process, around an API server in this process.
 * LAB=1: around a real control plane and Traefik. In a terminal, or with KEEP=1, it stays up for three things to try;
 * else it ends, with 0 when all went as promised and 1 when not.
 */

const keep = process.env['KEEP'] === '1' || (process.stdout.isTTY && process.env['CI'] === undefined);
const began = performance.now();
const say = (line: string) => process.stdout.write(`${stamp()}  ${line}\n`);
/** As shells have it. */
const INTERRUPTED = 130;
const interrupted = new AbortController();
const ended = new Promise<void>((resolve) => interrupted.signal.addEventListener('abort', () => resolve()));
let standing = false;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);

/** Ends all in order once there is something to end; what is still coming up ends with this process. */
function interrupt(): void {
  if (!standing || interrupted.signal.aborted) process.exit(INTERRUPTED);
  interrupted.abort();
}

function stamp(): string {
  return `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
}

/** One release from the change of the image to its end, shown line by line. */
async function tell(shop: Shop, title: string, image: string): Promise<Story> {
  say('');
  say(`— ${title}: image ${image}`);
  const before = await shop.counts();
  const release = await follow(shop, { image }, { say, signal: interrupted.signal });
  const after = await shop.counts();
  return { title, image, release, before, after };
}

/** Says whether all went as promised. */
async function play(shop: Shop): Promise<boolean> {
  say(
    `ready: the first revision serves ${shop.rate} requests a second through the gateway, and as many in the cluster`,
  );
  say(`page:  ${shop.page}`);
  const good = await tell(shop, 'a good release', 'lab/shop:v2-slowstop-3s');
  const bad = await tell(shop, 'a bad release, 5 % of its answers are errors', 'lab/shop:v3-errors-5');
  process.stdout.write(report([good, bad], await shop.counts()));
  const promoted = good.release.outcome === 'Promoted' && failedDuring(good) === 0;
  const asPromised = promoted && bad.release.reason === 'Worse';
  if (!asPromised) say('this is not what was promised: a good release without a failed request, and a breach');
  return asPromised;
}

/** From the first process to the last: its exit code. Whatever happens on the way, nothing is left running. */
async function run(): Promise<number> {
  let code = INTERRUPTED;
  let shop: Shop | undefined;
  const ground = await (process.env['LAB'] === '1'
    ? labGround(say, { keepDir: process.env['KEEP'] === '1' })
    : sandboxGround(say));
  standing = true;
  const story = async () => {
    shop = await openShop(ground);
    code = (await play(shop)) ? 0 : 1;
    if (keep) await stay({ ground, shop, say }, interrupted.signal);
  };
  try {
    await Promise.race([story(), ended]);
    return code;
  } catch (error) {
    if (interrupted.signal.aborted) return code;
    throw error;
  } finally {
    // Whatever cannot be closed in order is ended with the ground.
    await shop?.close().catch((error: unknown) => say(String(error)));
    await ground.stop();
  }
}

process.exit(await run().catch(failed));

function failed(error: unknown): number {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}
