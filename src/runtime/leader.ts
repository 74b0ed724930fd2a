import { assert } from '#lib/assert.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeApi, KubeObject, ObjectRef } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';

export interface ElectorOptions {
  api: KubeApi;
  /** The Lease that is competed for. */
  lease: ObjectRef;
  /** Shown as holder, with a random part: a container that restarts must not take its dead self for itself. */
  identity: string;
  /** How long the others wait for a sign of life [15 s]. */
  leaseMs?: Millis;
  /** A leader that could not renew for this long is none any more [10 s]; shorter than `leaseMs`. */
  renewMs?: Millis;
  /** Time between tries [2 s]. */
  retryMs?: Millis;
  clock: Clock;
  random: Random;
  log: Log;
  telemetry: Telemetry;
  onStarted: (epoch: number) => void;
  /** Called once; the elector is then over, and so should be the process. */
  onLost: (reason: string) => void;
}

export interface Elector {
  readonly identity: string;
  /** Competes, then renews, until the signal aborts or leadership is lost. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * True while the last renewal that the API server accepted was *sent* less than `renewMs` ago by the monotonic
   * clock. Asked before every write, it fences a process that slept through its lease before it can do harm.
   */
  isLeader(): boolean;
  /** `leaseTransitions` of our term: grows with each change of leader. Undefined when not leading. */
  epoch(): number | undefined;
  /** Lets go at once, so that the next leader need not wait for the lease to run out. */
  release(): Promise<void>;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

interface Term {
  /** When the last accepted renewal was sent. */
  renewedAt: Millis;
  epoch: number;
}

/**
 * Leader election by Lease. Expiry is judged by how long *we* have not seen the Lease change, on our monotonic
 * clock, so clocks need not agree; a leader counts from before it sent its renewal, the others from after they saw
 * it, and renewMs < leaseMs keeps the two apart. The monotonic clock must run while the process is stopped.
 */
export function createElector(options: ElectorOptions): Elector {
  const { leaseMs = 15_000, renewMs = 10_000, retryMs = 2_000 } = options;
  assert(retryMs < renewMs && renewMs < leaseMs, 'retryMs < renewMs < leaseMs');
  return new LeaseElector({ ...options, leaseMs, renewMs, retryMs });
}

class LeaseElector implements Elector {
  readonly identity: string;
  readonly #options: ElectorOptions & { leaseMs: Millis; renewMs: Millis; retryMs: Millis };
  #term: Term | undefined;
  #over = false;
  /** The Lease as last read or written by us; undefined when it must be read. */
  #known: KubeObject | undefined;
  #observed: { resourceVersion: string | undefined; at: Millis } | undefined;
  #trying: Promise<void> = Promise.resolve();
  #cancelFence: () => void = () => undefined;
  #renewals = 0;

  constructor(options: ElectorOptions & { leaseMs: Millis; renewMs: Millis; retryMs: Millis }) {
    this.#options = options;
    const suffix = Math.floor(options.random() * 2 ** 32);
    this.identity = `${options.identity}_${suffix.toString(16).padStart(8, '0')}`;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, retryMs } = this.#options;
    while (!signal.aborted && !this.#over) {
      this.#trying = this.#try(signal);
      await this.#trying;
      // Candidates spread out; a leader renews on the dot.
      const delayMs = this.#term === undefined ? retryMs * (1 + random() * 0.2) : retryMs;
      await sleep(clock, delayMs, signal).catch(() => undefined);
    }
    this.#cancelFence();
  }

  isLeader(): boolean {
    const { clock, renewMs } = this.#options;
    if (this.#term === undefined) return false;
    if (clock.monotonic() - this.#term.renewedAt <= renewMs) return true;
    this.#lose(`not renewed for more than ${renewMs} ms`);
    return false;
  }

  epoch(): number | undefined {
    return this.isLeader() ? this.#term?.epoch : undefined;
  }

  async release(): Promise<void> {
    const led = this.isLeader();
    // First we stop to lead, then we say so.
    this.#term = undefined;
    this.#over = true;
    this.#cancelFence();
    this.#options.telemetry.gauge('headgate_leader', 0);
    if (!led) return;
    await this.#trying;
    const lease = this.#known;
    if (lease === undefined) return;
    await this.#put(lease, { ...specOf(lease), holderIdentity: '', leaseDurationSeconds: 1 }, undefined).catch(
      (error: unknown) => this.#options.log.warn('the Lease could not be released, it will run out', { error }),
    );
  }

  /** One try to get or to renew the Lease. Never throws: the next try is due anyway. */
  async #try(signal: AbortSignal): Promise<void> {
    const { clock, renewMs, log, telemetry } = this.#options;
    const limit = new AbortController();
    const cancel = clock.timer(renewMs / 2, () => limit.abort(new Error('the API server took too long')));
    try {
      await this.#competeOrRenew(AbortSignal.any([signal, limit.signal]));
    } catch (error) {
      // What we know may be outdated now, or our write may have happened: read before the next one.
      this.#known = undefined;
      if (signal.aborted || hasCode(error, 'KUBE_CONFLICT', 'KUBE_EXISTS')) return;
      telemetry.count('headgate_leader_errors_total');
      log.warn('the Lease could not be read or written', { error, leading: this.#term !== undefined });
    } finally {
      cancel();
    }
  }

  async #competeOrRenew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const wasLeading = this.#term !== undefined;
    // Waking from a long sleep: no renewal can bring back a term that the others may have ended.
    if (wasLeading && !this.isLeader()) return;
    const lease = wasLeading && this.#known !== undefined ? this.#known : await this.#read(signal);
    const { holderIdentity: holder = '' } = lease === undefined ? {} : specOf(lease);
    if (wasLeading && holder !== this.identity) return this.#lose(`the Lease is held by ${holder || 'nobody'}`);
    if (lease !== undefined && holder !== this.identity && holder !== '' && !this.#expired(lease)) return;
    const sentAt = clock.monotonic();
    const written = lease === undefined ? await this.#create(signal) : await this.#renew(lease, signal);
    this.#accept(written, sentAt);
  }

  #accept(written: KubeObject, sentAt: Millis): void {
    const { clock, renewMs, log, telemetry } = this.#options;
    this.#known = written;
    // A term that was lost or released while the answer travelled stays so; an answer that took too long is none.
    if (this.#over || clock.monotonic() - sentAt > renewMs) return;
    if (this.#term !== undefined && !this.isLeader()) return;
    const isNew = this.#term === undefined;
    const epoch = specOf(written).leaseTransitions ?? 0;
    this.#term = { renewedAt: sentAt, epoch };
    this.#cancelFence();
    // One millisecond more, because the limit itself still counts as leading.
    this.#cancelFence = clock.timer(sentAt + renewMs + 1 - clock.monotonic(), () => this.isLeader());
    if (!isNew) return;
    telemetry.gauge('headgate_leader', 1);
    log.info('leading', { identity: this.identity, epoch });
    this.#options.onStarted(epoch);
  }

  #lose(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#term = undefined;
    this.#cancelFence();
    this.#options.telemetry.gauge('headgate_leader', 0);
    this.#options.log.error('leadership lost', { identity: this.identity, reason });
    this.#options.onLost(reason);
  }

  async #read(signal: AbortSignal): Promise<KubeObject | undefined> {
    const { api, lease, clock } = this.#options;
    try {
      const found = await api.get(lease, { signal, urgent: true });
      const { resourceVersion } = found.metadata;
      // Our clock starts when we have seen the change, which is later than it happened: the safe side.
      if (this.#observed?.resourceVersion !== resourceVersion)
        this.#observed = { resourceVersion, at: clock.monotonic() };
      return found;
    } catch (error) {
      if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  #expired(lease: KubeObject): boolean {
    const { clock, leaseMs } = this.#options;
    const { leaseDurationSeconds } = specOf(lease);
    // The holder's own duration counts: it may be configured otherwise than we are.
    const durationMs = leaseDurationSeconds === undefined ? leaseMs : leaseDurationSeconds * 1000;
    return this.#observed !== undefined && clock.monotonic() - this.#observed.at > durationMs;
  }

  #create(signal: AbortSignal): Promise<KubeObject> {
    const { api, lease } = this.#options;
    const { resource, namespace, name } = lease;
    const now = this.#time();
    const object = {
      apiVersion: `${resource.group}/${resource.version}`,
      kind: resource.kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      spec: this.#spec({ acquireTime: now, renewTime: now, leaseTransitions: 0 }),
    };
    return api.create(resource, object, { signal, urgent: true });
  }

  #renew(lease: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = specOf(lease);
    const now = this.#time();
    const ours = holderIdentity === this.identity;
    const term = ours
      ? { acquireTime: acquireTime ?? now, leaseTransitions }
      : { acquireTime: now, leaseTransitions: leaseTransitions + 1 };
    return this.#put(lease, this.#spec({ ...term, renewTime: now }), signal);
  }

  #put(lease: KubeObject, spec: LeaseSpec, signal: AbortSignal | undefined): Promise<KubeObject> {
    const { api } = this.#options;
    const options = { urgent: true, ...(signal === undefined ? {} : { signal }) };
    return api.replace(this.#options.lease.resource, { ...lease, spec }, options);
  }

  #spec(term: Pick<LeaseSpec, 'acquireTime' | 'renewTime' | 'leaseTransitions'>): LeaseSpec {
    return { holderIdentity: this.identity, leaseDurationSeconds: Math.ceil(this.#options.leaseMs / 1000), ...term };
  }

  /** MicroTime. The last digits count renewals, so that each differs from the one before even if the clock stands. */
  #time(): string {
    this.#renewals = (this.#renewals + 1) % 1000;
    return new Date(this.#options.clock.now())
      .toISOString()
      .replace('Z', `${String(this.#renewals).padStart(3, '0')}Z`);
  }
}

function specOf({ spec }: KubeObject): LeaseSpec {
  return (spec ?? {}) as LeaseSpec;
}
