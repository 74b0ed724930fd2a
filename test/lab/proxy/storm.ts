import type { Random } from '#ports/random.ts';
import { seeded } from '../pods/seeded.ts';
import { type Call, type Fault, type Ill, isAimedAt, isLineDown, isLineFault, type LineFault } from './faults.ts';

/**
 * Says which request and which line of a watch meets which fault. It counts: a fault that never hit anything proves
 * nothing. Knows no sockets; an open watch tells it what to do when its line goes down.
 */
export interface Storm {
  /** Forgets the faults before; the same seed hits the same requests. */
  arm(faults: readonly Fault[], seed: number): void;
  /** Ends what is open. Watches that fell silent stay so. */
  disarm(): void;
  /** A write with this label was accepted. */
  accepted(label: string): void;
  /** This client has written the Lease. */
  leads(client: string): void;
  /** What befalls this request. */
  meet(call: Call): Exclude<Ill, LineFault> | undefined;
  /** What befalls this line of a watch; asked once a line. */
  meetLine(call: Call): LineFault | undefined;
  /** `end` is called when a fault opens that ends this watch; the returned function says that it is over anyway. */
  opened(watch: OpenWatch): () => void;
  isDown(client: string): 'outage' | 'black hole' | undefined;
  report(): StormReport;
}

export interface OpenWatch {
  call: Call;
  end(why: Ill['kind']): void;
}

export interface StormReport {
  /** How often each fault has hit, in the order in which they were armed. */
  hits: number[];
  /** Unix milliseconds at which the last fault that had opened was over; undefined while one is open. */
  healedAt: number | undefined;
}

interface Armed {
  fault: Fault;
  random: Random;
  state: 'waiting' | 'open' | 'over';
  /** Whom it is about, as it was when the fault opened. */
  client: string | undefined;
  hits: number;
  overAt: number;
  timer: NodeJS.Timeout | undefined;
}

export function createStorm(clients: readonly string[]): Storm {
  let armed: Armed[] = [];
  let leader: string | undefined;
  let armedAt = Date.now();
  const watches = new Set<OpenWatch>();

  function open(one: Armed): void {
    one.state = 'open';
    const aim = one.fault.to?.client;
    one.client = aim === undefined ? undefined : clients.find((name) => (name === leader) === (aim === 'leader'));
    const { forMs, does } = one.fault;
    if (forMs !== undefined) one.timer = setTimeout(() => close(one), forMs);
    // Whoever is cut off learns it now, not with the next event; a black hole is noticed by nobody.
    const cuts = does.kind === 'outage' || does.kind === 'cut' || does.kind === 'expired';
    if (!cuts) return;
    for (const watch of [...watches]) {
      if (one.state !== 'open' || !concerns(one, watch.call)) continue;
      hit(one);
      watch.end(does.kind);
    }
  }
  function close(one: Armed): void {
    if (one.state === 'over') return;
    clearTimeout(one.timer);
    one.state = 'over';
    one.overAt = Date.now();
  }
  function hit(one: Armed): void {
    one.hits += 1;
    if (one.hits === one.fault.times) close(one);
  }
  function concerns({ fault, client }: Armed, call: Call): boolean {
    const { to = {} } = fault;
    return (to.client === undefined || client === call.client) && isAimedAt(to, call);
  }
  function meets(call: Call, fits: (one: Armed) => boolean): Ill | undefined {
    for (const one of armed) {
      if (one.state !== 'open' || !fits(one) || !concerns(one, call)) continue;
      if (one.fault.chance !== undefined && one.random() >= one.fault.chance) continue;
      hit(one);
      return one.fault.does;
    }
    return undefined;
  }
  return {
    arm(faults, seed) {
      this.disarm();
      armedAt = Date.now();
      armed = faults.map((fault, index) => ({
        ...{ fault, state: 'waiting', client: undefined, hits: 0, overAt: armedAt, timer: undefined },
        random: seeded(`${seed} ${index}`),
      }));
      for (const one of armed) if (one.fault.from === undefined) open(one);
    },
    disarm() {
      for (const one of armed) close(one);
    },
    accepted(label) {
      for (const one of armed)
        if (one.state === 'waiting' && one.fault.from !== undefined && label.includes(one.fault.from)) open(one);
    },
    leads(client) {
      leader = client;
    },
    meet: (call) => meets(call, ({ fault }) => !isLineFault(fault.does) && fitsCall(fault.does, call)) as never,
    meetLine: (call) => meets(call, ({ fault }) => isLineFault(fault.does)) as never,
    opened(watch) {
      watches.add(watch);
      return () => watches.delete(watch);
    },
    isDown(client) {
      const down = armed.find(
        (one) =>
          one.state === 'open' && isLineDown(one.fault.does) && (one.client === undefined || one.client === client),
      );
      return down?.fault.does.kind as 'outage' | 'black hole' | undefined;
    },
    report: () => ({
      hits: armed.map(({ hits }) => hits),
      healedAt: armed.some(({ state }) => state === 'open')
        ? undefined
        : Math.max(armedAt, ...armed.map(({ overAt }) => overAt)),
    }),
  };
}

/** A stale listing is only possible where something is listed. */
function fitsCall(ill: Ill, call: Call): boolean {
  return ill.kind !== 'stale' || (call.verb === 'watch' && call.initial);
}
