import type { ReleaseState, State } from '#core/model.ts';
import { REPLICA_SET, ROLLOUT_ACTION } from '#kube/resources.ts';
import { rolloutOf } from '#operator/reading.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { PERSON } from '#sandbox/reviews.ts';
import { BACKLOG_MS } from './faults.ts';
import { NAMESPACE_NAME } from './shop.ts';
import type { World } from './world.ts';

/** People who undo: what was released, or something that never served; and what a pin promises. */

export const UNDOING: Readonly<
  Record<string, { chance: number; befall(moment: { world: World; random: Random }): void }>
> = {
  'undo is said': { chance: 0.05, befall: ({ world, random }) => sayUndo(world, random) },
  'another image': {
    chance: 0.04,
    befall: ({ world, random }) => world.deploy(random() < 0.5 ? 'shop:v3-bad' : 'shop:v4'),
  },
};

function sayUndo(world: World, random: Random): void {
  const sets = world.actor.list(REPLICA_SET, NAMESPACE_NAME).map(({ metadata }) => metadata.name.slice('shop-'.length));
  const named = random() < 0.4 ? sets[Math.floor(random() * sets.length)] : undefined;
  const toRevision = named === undefined ? {} : { toRevision: named };
  world.act({ rollout: 'shop', verb: 'undo', by: PERSON, ...toRevision }, named ?? '');
}

/** Watches that an undo holds at once, goes back to what served alone, and until the template changes. */
export class Undoing {
  readonly #world: World;
  /** Revisions that were ever stable. */
  readonly #served = new Set<string>();
  /** Templates that the Rollout had, and until when. */
  #templates: { revision: string; until: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  onRollout(): void {
    const rollout = this.#world.rollout();
    const read = rollout && rolloutOf(rollout, undefined);
    if (read?.ok !== true) return;
    const now = this.#world.clock.monotonic();
    const last = this.#templates.at(-1);
    if (last?.revision === read.spec.revision) return;
    if (last !== undefined) last.until = now;
    this.#templates = this.#templates.filter(({ until }) => now - until <= BACKLOG_MS);
    this.#templates.push({ revision: read.spec.revision, until: Number.POSITIVE_INFINITY });
  }

  /** An operator stored another state. The answer: what must not have happened. */
  onState(before: State, after: State): string | undefined {
    if (before.stable !== undefined) this.#served.add(before.stable);
    const { pinned } = after;
    if (pinned === undefined) return this.#lost(before, after);
    this.#world.looked('undone');
    if (pinned.revision !== before.pinned?.revision && !this.#served.has(pinned.revision))
      return `${pinned.revision} is pinned and never served`;
    return goesOn(after.release, pinned.over) ? `${pinned.over} was undone and goes on` : undefined;
  }

  /** It ends with its template, or with another word. */
  #lost({ pinned }: State, after: State): string | undefined {
    if (pinned === undefined || after.actions[0]?.message.startsWith('undo by ')) return undefined;
    this.#world.looked('undone');
    const changed = this.#templates.some(({ revision }) => revision !== pinned.over);
    return changed ? undefined : `the pin to ${pinned.revision} is lost`;
  }

  /** One that nobody took up before the next template came would pin over that one: the operator cannot know. */
  #pending(): boolean {
    const actions = this.#world.actor.list(ROLLOUT_ACTION, NAMESPACE_NAME);
    return actions.some(
      (action) => dig(action, ['spec', 'verb']) === 'undo' && dig(action, ['status', 'state']) === undefined,
    );
  }

  /** What a word or a pin still lacks, if anything. */
  lacks(): string | undefined {
    if (!this.#world.deleted && this.#pending()) return 'nobody takes up an undo';
    const { pinned, phase, release, stable } = this.#world.state() ?? {};
    if (pinned === undefined || this.#world.deleted) return undefined;
    const image = this.#world.imageOf(`shop-${pinned.revision}`);
    // Its template is lost, or it is one that a person alone let through.
    if (image === '' || image.includes('bad')) return undefined;
    const there = stable === pinned.revision && phase === 'Healthy' && release === undefined;
    return there ? undefined : `pinned to ${pinned.revision}, and it stands at ${JSON.stringify(this.#world.state())}`;
  }
}

function goesOn(release: ReleaseState | undefined, over: string): boolean {
  return release?.revision === over && release.ending === undefined && release.committed !== true;
}
