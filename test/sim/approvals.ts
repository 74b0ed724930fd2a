import { REVISION_LABEL } from '#core/labels.ts';
import type { ReleaseState, State } from '#core/model.ts';
import { POD, RELEASE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { GROUPS, PERSON } from '#sandbox/reviews.ts';
import { BACKLOG_MS } from './faults.ts';
import { randomOf } from './plan.ts';
import { type Asked, AUTHOR, NAMESPACE_NAME, ref, type ShopSpec } from './shop.ts';
import type { World } from './world.ts';

/** People who approve, or should not; and what may be left on their word, told again from the documents. */

const OUTSIDER = 'dan';
const SOUND = ['bob', 'cleo'];
export const PEOPLE: readonly string[] = [PERSON, AUTHOR, OUTSIDER, ...SOUND];

/** What may be wrong with a word. Most have nothing wrong. */
const FLAWS = ['', '', '', 'late', 'early', 'foreign', 'other images', 'other images', 'author', 'outsider'] as const;
type Flaw = (typeof FLAWS)[number];
/** No word of these counts, whenever it is heard. */
const NEVER: readonly Flaw[] = ['foreign', 'author'];

/** Mishaps of worlds that ask people, and their chances each second. */
export const ASKING: Readonly<
  Record<string, { chance: number; befall(moment: { world: World; random: Random }): void }>
> = {
  'approval is said': { chance: 0.2, befall: ({ world, random }) => sayOne(world, random) },
  'tag is moved': { chance: 0.015, befall: ({ world }) => world.moveTag() },
};

/** One step asks two of a group; in some shops the promotion asks one of anybody. */
export function asking(shop: ShopSpec, seed: number): ShopSpec {
  const random = randomOf('asking', seed);
  const asks = Math.floor(random() * shop.steps.length);
  const two: Asked = { minimum: 2, groups: [...GROUPS], notAuthor: true };
  const one: Asked = { minimum: 1, groups: [], notAuthor: true };
  const steps = shop.steps.map((step, index) => (index === asks ? { ...step, approval: two } : step));
  return { ...shop, steps, ...(random() < 0.5 ? { promotion: one } : {}) };
}

function sayOne(world: World, random: Random): void {
  const flaw = FLAWS[Math.floor(random() * FLAWS.length)] ?? '';
  const by = flaw === 'author' ? AUTHOR : flaw === 'outsider' ? OUTSIDER : SOUND[Math.floor(random() * SOUND.length)];
  if (by !== undefined) approve(world, by, flaw);
}

/** Everybody who may, as they are shown it now. */
export function approveAll(world: World): void {
  for (const by of SOUND) approve(world, by, '');
}

function approve(world: World, by: string, flaw: Flaw): void {
  const { release } = world.state() ?? {};
  const uid = release && world.actor.get(ref(RELEASE, release.name))?.metadata.uid;
  if (release === undefined || uid === undefined) return;
  const shift = flaw === 'late' ? -1 : flaw === 'early' ? 1 : 0;
  const shown = dig(world.rollout(), ['status', 'canary', 'digests']) ?? [];
  const said = {
    ...{ rollout: 'shop', verb: 'approve', by },
    releaseUid: flaw === 'foreign' ? 'of-another-release' : uid,
    step: Math.max(1, release.step + 1 + shift),
    digests: flaw === 'other images' ? ['app=sandbox/other'] : shown,
    ...(flaw === 'outsider' ? {} : { groups: GROUPS }),
  };
  world.act(said, flaw);
}

interface Word {
  by: string;
  flaw: Flaw;
  uid: string;
  release: string;
  step: number;
  groups: string[];
  digests: string[];
  /** Answered before the attempt of now began. */
  spent: boolean;
}

/** Watches that nothing is left without the people that it asks for. */
export class Approvals {
  readonly #world: World;
  readonly #words: Word[] = [];
  /** What the canary ran, and until when. */
  #runs: { digests: string[]; until: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** An action came into the world. */
  onAction({ metadata, spec }: KubeObject): void {
    const said = spec as Partial<Word> & { verb: string; releaseUid?: string };
    if (said.verb !== 'approve') return;
    const { by = '', step = 0, groups = [], digests = [], releaseUid = '' } = said;
    const flaw = (this.#world.flaws.get(metadata.name) ?? '') as Flaw;
    this.#words.push({ by, flaw, step, groups, digests, uid: metadata.uid ?? '', release: releaseUid, spent: false });
  }

  onPod(): void {
    const revision = this.#world.state()?.release?.revision;
    const pods = this.#world.actor.list(POD, NAMESPACE_NAME);
    const canaries = pods.filter(
      ({ metadata }) => metadata.labels?.[REVISION_LABEL] === revision && metadata.deletionTimestamp === undefined,
    );
    const digests = canaries.flatMap((pod) => {
      const id = dig(pod, ['status', 'containerStatuses', '0', 'imageID']);
      return id === undefined ? [] : [`app=${String(id)}`];
    });
    const now = this.#world.clock.monotonic();
    const last = this.#runs.at(-1);
    if (last !== undefined) last.until = now;
    this.#runs = this.#runs.filter(({ until }) => now - until <= BACKLOG_MS);
    this.#runs.push({ digests, until: Number.POSITIVE_INFINITY });
  }

  /** An operator stored another state. The answer: what must not have happened. */
  onState(before: State, after: State): string | undefined {
    const [was, is] = [before.release, after.release];
    const answers = after.actions.filter(({ uid }) => !before.actions.some((known) => known.uid === uid));
    for (const { uid, result } of answers) {
      const word = this.#words.find((one) => one.uid === uid);
      if (result === 'Applied' && word !== undefined && NEVER.includes(word.flaw))
        return `an approval with a flaw is taken: ${word.flaw}`;
    }
    const wrong = was !== undefined && is?.name === was.name ? this.#left(was, is) : undefined;
    if (is?.attempt !== was?.attempt || (is?.stage === 'Preparing' && was?.stage !== 'Preparing'))
      for (const word of this.#words) word.spent ||= before.actions.some(({ uid }) => uid === word.uid);
    return wrong;
  }

  #left(was: ReleaseState, is: ReleaseState): string | undefined {
    const promotes = is.stage === 'Promoting' && was.stage !== 'Promoting';
    const stood = was.stage === 'Holding' || was.stage === 'Baking';
    if (!stood || is.ending !== undefined || !(is.step > was.step || promotes)) return undefined;
    const object = this.#world.actor.get(ref(RELEASE, was.name));
    // The way back to what served recently asks nobody.
    if (dig(object, ['spec', 'plan', 'rollback']) === true) return undefined;
    const { steps, promotion } = this.#world.shop;
    for (const asked of [steps[was.step]?.approval, promotes ? promotion : undefined]) {
      if (asked === undefined) continue;
      this.#world.looked('approved');
      const people = this.#people(was, object?.metadata.uid ?? '', asked);
      if (people.size < asked.minimum)
        return `step ${was.step} is left with ${people.size} of ${asked.minimum} approvals`;
    }
    return undefined;
  }

  #people({ step }: ReleaseState, release: string, { groups }: Asked): Set<string> {
    const counted = this.#words.filter(
      (word) =>
        !word.spent &&
        word.release === release &&
        word.step === step + 1 &&
        word.by !== AUTHOR &&
        (groups.length === 0 || word.groups.some((group) => groups.includes(group))) &&
        this.#runs.some(({ digests }) => digests.every((digest) => word.digests.includes(digest))),
    );
    return new Set(counted.map(({ by }) => by));
  }
}
