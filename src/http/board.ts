import { viewRollouts } from '#core/view.ts';
import type { RolloutView } from '#core/view-words.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { RolloutFeed } from './feed.ts';

/** What one client has to change to be up to date. */
export interface BoardChange {
  /** Views that are new or changed, as JSON texts. */
  changed: string[];
  /** `namespace/name` of those that are gone. */
  gone: string[];
  synced: boolean;
  trouble?: string;
}

/** The feed as views, made at most four times a second however often it changes, and once for all clients. */
export interface Board {
  views(): RolloutView[];
  /** Changes against what the client holds; `held` is brought up to date. */
  changesFor(held: Map<string, string>): BoardChange;
  /** Calls `tick` after the board changed. The returned function ends it. */
  subscribe(tick: () => void): () => void;
  close(): void;
}

export const COALESCE_MS: Millis = 250;

export function createBoard({ feed, clock }: { feed: RolloutFeed; clock: Clock }): Board {
  const subscribers = new Set<() => void>();
  let texts = textsOf(feed);
  let pending: (() => void) | undefined;
  const renew = () => {
    pending = undefined;
    texts = textsOf(feed);
    for (const tick of subscribers) tick();
  };
  const unwatch = feed.onChange(() => {
    pending ??= clock.timer(COALESCE_MS, renew);
  });
  return {
    views: () => viewsOf(feed),
    changesFor(held) {
      const changed = [...texts]
        .filter(([key, text]) => held.get(key) !== text)
        .map(([key, text]) => note(held, key, text));
      const gone = [...held.keys()].filter((key) => !texts.has(key));
      for (const key of gone) held.delete(key);
      const { synced, trouble } = feed.snapshot();
      return { changed, gone, synced, ...(trouble === undefined ? {} : { trouble }) };
    },
    subscribe(tick) {
      subscribers.add(tick);
      return () => subscribers.delete(tick);
    },
    close() {
      unwatch();
      pending?.();
      subscribers.clear();
    },
  };
}

function note(held: Map<string, string>, key: string, text: string): string {
  held.set(key, text);
  return text;
}

function viewsOf(feed: RolloutFeed): RolloutView[] {
  const { rollouts, releases } = feed.snapshot();
  return viewRollouts(rollouts, releases);
}

function textsOf(feed: RolloutFeed): Map<string, string> {
  return new Map(viewsOf(feed).map((view) => [`${view.namespace}/${view.name}`, JSON.stringify(view)]));
}
