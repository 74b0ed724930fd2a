import { printWeight } from '#core/figures.ts';
import { viewRollouts } from '#core/view.ts';
import type { RolloutView } from '#core/view-words.ts';
import type { RolloutFeed } from '#http/feed.ts';
import type { Millis } from '#lib/units.ts';
import { type ExitCode, exit } from './exit.ts';
import { cutLine } from './table.ts';
import type { Cluster, World } from './world.ts';

/** Redrawn at most this often, and at least once a second, because ages count on. */
const REDRAW_MS: Millis = 250;
const TICK_MS: Millis = 1000;

const ESCAPE = String.fromCharCode(27);
const HOME_AND_CLEAR = `${ESCAPE}[H${ESCAPE}[J`;
const CURSOR = { hide: `${ESCAPE}[?25l`, show: `${ESCAPE}[?25h` };
const SCREEN = { enter: `${ESCAPE}[?1049h`, leave: `${ESCAPE}[?1049l` };

export interface Watched {
  cluster: Cluster;
  namespace: string | undefined;
  name: string | undefined;
  draw: (views: readonly RolloutView[]) => string;
}

/** Stays until Ctrl-C: on a terminal one picture that is drawn anew, elsewhere a line for every change. */
export async function watchViews({ cluster, namespace, name, draw }: Watched, world: World): Promise<ExitCode> {
  const feed = await cluster.feed(namespace);
  await untilDone(feed.ready, world.signal);
  const views = () => viewsOf(feed, name);
  const stop = world.out.tty
    ? redraw(feed, () => picture(feed, draw(views()), world), world)
    : logLines(feed, views, world);
  await aborted(world.signal);
  stop();
  await feed.close();
  return exit.ok;
}

function viewsOf(feed: RolloutFeed, name: string | undefined): RolloutView[] {
  const { rollouts, releases } = feed.snapshot();
  const views = viewRollouts(rollouts, releases);
  return name === undefined ? views : views.filter((view) => view.name === name);
}

/** What fits on the screen, with a warning on top while the picture may be old. */
function picture(feed: RolloutFeed, drawn: string, { out }: World): string {
  const { trouble } = feed.snapshot();
  const lines = [
    ...(trouble === undefined ? [] : [`! The picture may be old: ${trouble}`, '']),
    ...drawn.trimEnd().split('\n'),
  ];
  const rows = out.rows === undefined ? lines : lines.slice(0, out.rows - 1);
  return rows.map((line) => cutLine(line, out.columns)).join('\n');
}

function redraw(feed: RolloutFeed, drawn: () => string, { out, clock }: World): () => void {
  out.write(SCREEN.enter + CURSOR.hide);
  let cancel = () => {};
  const paint = () => {
    out.write(HOME_AND_CLEAR + drawn());
    again(TICK_MS);
  };
  const again = (delayMs: Millis) => {
    cancel();
    cancel = clock.timer(delayMs, paint);
  };
  const unwatch = feed.onChange(() => again(REDRAW_MS));
  paint();
  return () => {
    unwatch();
    cancel();
    out.write(SCREEN.leave + CURSOR.show + drawn().trimEnd().concat('\n'));
  };
}

/** One line for every change that a person would want to read: not for every counted request. */
function logLines(feed: RolloutFeed, views: () => RolloutView[], { out, clock }: World): () => void {
  const told = new Map<string, string>();
  const tell = () => {
    for (const view of views()) {
      const key = `${view.namespace}/${view.name}`;
      const line = `${key} ${view.phase}${view.reason === undefined ? '' : `/${view.reason}`} ${printWeight(view.weight)}: ${view.sentence}`;
      if (told.get(key) === line) continue;
      told.set(key, line);
      out.write(`${new Date(clock.now()).toISOString()} ${line}\n`);
    }
  };
  tell();
  return feed.onChange(tell);
}

/** Resolves when `work` does or when the signal aborts. */
export async function untilDone(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, aborted(signal)]);
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
