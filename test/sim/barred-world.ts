import type { State } from '#core/model.ts';
import type { Problem, Seen } from '#core/seen.ts';
import { sends } from '#test/core/share.ts';
import type { Fault } from '#test/core/world.ts';
import { AT_COMMIT, allows, barredBy, type Consent, drawConsent, resolves, turnOf, WHOLE } from './consents.ts';
import { type Mishap, randomOf } from './plan.ts';
import { PureWorld } from './pure-world.ts';

const GONE_MS = 8000;

/** A pure world whose routes have owners of their own, who let the shop split them, or do not, or no longer. */
export class BarredWorld extends PureWorld {
  readonly #consents = new Map<string, Consent>();
  /** They go at the commit point, and come back then. */
  #goAtCommit = false;
  #backAt = Number.POSITIVE_INFINITY;

  constructor(seed: number) {
    super(seed);
    const random = randomOf('consents', seed);
    for (const { name } of this.routes) this.#consents.set(name, drawConsent(name, random));
  }

  override seen(): Seen {
    const seen = super.seen();
    const barred = seen.routes.flatMap(({ name, barred: why }): Problem[] =>
      why === undefined ? [] : [{ field: 'spec.traffic', message: `HTTPRoute ${name}: ${why}` }],
    );
    return { ...seen, problems: [...seen.problems, ...barred] };
  }

  protected override seenRoutes(): Seen['routes'] {
    return super.seenRoutes().map((route) => {
      const consent = this.#consents.get(route.name);
      if (consent === undefined || !route.exists) return route;
      const { weight = 0, reach, accepted } = route;
      const why = barredBy(route.name, consent);
      const taken = accepted && resolves(consent, sends({ weight, reach }));
      return { ...route, accepted: taken, ...(why === undefined ? {} : { barred: why }) };
    });
  }

  protected override befall(what: string): void {
    super.befall(what);
    if (what === AT_COMMIT) this.#goAtCommit = true;
    const turn = turnOf(what);
    if (turn === undefined) return;
    const { name } = this.pick(this.routes);
    this.events.push(`${this.now} of ${name}`);
    this.#turn(name, turn);
  }

  #turn(name: string, turn: Partial<Consent>): void {
    const [consent, route] = [this.#consents.get(name), this.routes.find((one) => one.name === name)];
    if (consent === undefined || route === undefined) return;
    // An annotation is another version of the route; a grant is an object of its own.
    if ('named' in turn && turn.named !== consent.named) route.version += 1;
    this.#consents.set(name, { ...consent, ...turn });
  }

  override step(mishaps: readonly Mishap[]): void {
    super.step(mishaps);
    const { release } = this.state;
    if (this.#goAtCommit && release?.committed && release.weight > 0) {
      this.#goAtCommit = false;
      this.#backAt = this.now + GONE_MS;
      this.#turnAll({ named: undefined });
    }
    if (this.now < this.#backAt) return;
    this.#backAt = Number.POSITIVE_INFINITY;
    this.#turnAll(WHOLE);
  }

  override heal(): void {
    super.heal();
    this.#turnAll(WHOLE);
  }

  #turnAll(turn: Partial<Consent>): void {
    for (const name of this.#consents.keys()) this.#turn(name, turn);
  }

  #forbidden(name: string): boolean {
    const consent = this.#consents.get(name);
    return consent !== undefined && !allows(consent);
  }

  protected override raised(effect: { weight: number; route: string }): void {
    super.raised(effect);
    this.looked('allowed');
    if (this.#forbidden(effect.route)) this.violate(`${effect.route} is raised and nobody allows it`);
  }

  protected override watch(before: State, seen: Seen, fault: Fault): void {
    super.watch(before, seen, fault);
    const names = this.state.release?.routes ?? [];
    const barred = this.routes.filter(({ name, exists }) => exists && names.includes(name) && this.#forbidden(name));
    if (fault !== 'none' || barred.length === 0 || before.release?.name !== this.state.release?.name) return;
    this.looked('allowed');
    const sending = barred.find((route) => sends(route));
    if (sending !== undefined) this.violate(`${sending.name} sends to the canary and nobody allows it`);
    // What users met since is no fault of the revision.
    const blamed = this.state.release?.breach !== undefined && before.release?.breach === undefined;
    if (blamed && before.release?.stage !== 'Preparing') this.violate('a canary is blamed beside a barred route');
  }
}
