import type { Answer, Call, Exchange, SendOptions } from '#kube/exchange.ts';
import { METHODS } from '#kube/exchange.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { answerOf, memoryExchange } from '#sandbox/memory-exchange.ts';
import { conflict, Refused } from '#sandbox/refused.ts';
import type { Reply, Request } from '#sandbox/request.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import type { Line, Sink, Watch } from '#sandbox/watching.ts';

/** What can go wrong between an operator and its API server, and with the operator itself. */

/** A write may have been decided this much earlier: the slowest answer, the longest deadline, a cache that lags. */
export const BACKLOG_MS = 30_000;

export interface Storm {
  /** Chance that a call goes wrong. */
  calls: number;
  /** Chance that a line of a watch ends it, comes twice, or is the last one for a long time. */
  lines: number;
  /** Chance that a write is the last thing a process does. */
  crashes: number;
}

export const calm: Storm = { calls: 0, lines: 0, crashes: 0 };

/** A process as the world sees it. */
export interface Body {
  readonly id: string;
  readonly clock: Clock;
  alive: boolean;
  freeze(): void;
  /** Sets its wall clock, and that alone, ahead of the world's. */
  setAhead(ms: number): void;
  thaw(): void;
  kill(): void;
  /** Runs now, or when the process wakes; never once it is dead. */
  soon(task: () => void): void;
}

/** A process whose timers stop when it is frozen and end when it is killed. */
export function createBody(id: string, clock: Clock): Body {
  let frozen = false;
  let offset = 0;
  let held: (() => void)[] = [];
  const body: Body = {
    id,
    alive: true,
    clock: {
      // Wall clocks count whole milliseconds; delays with a random part do not.
      now: () => Math.floor(clock.now()) + offset,
      monotonic: () => clock.monotonic(),
      timer(delayMs, fire) {
        let live = true;
        const cancel = clock.timer(delayMs, () => body.soon(() => live && fire()));
        return () => {
          live = false;
          cancel();
        };
      },
    },
    freeze() {
      frozen = true;
    },
    setAhead(ms) {
      offset = ms;
    },
    thaw() {
      frozen = false;
      for (const task of held.splice(0)) task();
    },
    kill() {
      body.alive = false;
      held = [];
    },
    soon(task) {
      if (!body.alive) return;
      if (frozen) held.push(task);
      else task();
    },
  };
  return body;
}

export interface FaultyOptions {
  sandbox: Sandbox;
  body: Body;
  /** The dice of one moment: whatever else befalls the world, the same call has the same luck in the same second. */
  luck: (what: string) => Random;
  storm: () => Storm;
  /** Says who is writing while a write takes effect. */
  as: <T>(writer: string, effect: () => T) => T;
  note: (what: string) => void;
  /** A fault was injected. */
  struck: (what: string) => void;
  /** Whether this call is the last one of its process, and whether it takes effect. */
  fate?: (call: Call) => Death | undefined;
}

export type Death = 'before' | 'after';

/** The sandbox, reached over a bad line by a process that may die at any write. */
export function faultyExchange(options: FaultyOptions): Exchange {
  const { sandbox, body } = options;
  const handle = (request: Request) => withStorms(sandbox.handle(request), request, options);
  const inner = memoryExchange({ clock: body.clock, handle });
  return { send: (call, sending) => travel(inner, call, sending, options), close: async () => undefined };
}

/** What a dead process hears. */
const never = new Promise<Answer>(() => undefined);

async function travel(inner: Exchange, call: Call, sending: SendOptions, options: FaultyOptions): Promise<Answer> {
  const { body, luck, storm, as, note, struck, fate } = options;
  const random = luck(call.what);
  await sleep(body.clock, 1 + Math.floor(random() * 20), sending.signal);
  const writes = METHODS[call.verb] !== 'GET';
  const chance = writes && random() < storm().crashes ? (random() < 0.5 ? 'before' : 'after') : undefined;
  const death = chance ?? (writes ? fate?.(call) : undefined);
  if (death === 'before') return die(call, { body, note, death });
  if (death !== undefined) struck(`operator dies ${death} a write`);
  const fault = await meetFault(call, sending, { ...options, random });
  if (!body.alive) return never;
  if (fault === 'refused') {
    const refused = refusal(call, random);
    struck(`call refused with ${refused.code}`);
    return answerOf(refused, { ...sending, clock: body.clock });
  }
  const answer = as(body.id, () => inner.send(call, sending));
  if (death === 'after') return die(call, { body, note, death });
  const settled = await answer;
  await sleep(body.clock, 1 + Math.floor(random() * 10), sending.signal);
  await new Promise<void>((resolve) => body.soon(resolve));
  if (fault === 'answer lost') throw reset();
  return settled;
}

function die({ what }: Call, { body, note, death }: Pick<FaultyOptions, 'body' | 'note'> & { death: string }) {
  note(`${body.id} dies ${death} ${what}`);
  body.kill();
  return never;
}

type CallFault = (typeof FAULTS)[number] | undefined;

/** What befalls a call on its way: it is lost, or late, or is yet to be refused or to lose its answer. */
async function meetFault(
  call: Call,
  sending: SendOptions,
  { body, random, storm, note, struck }: FaultyOptions & { random: Random },
): Promise<CallFault> {
  const fault = random() < storm().calls ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
  if (fault === undefined) return undefined;
  note(`${body.id} ${fault}: ${call.what}`);
  if (fault !== 'refused') struck(`call: ${fault}`);
  if (fault === 'slow') await sleep(body.clock, 1000 + random() * 6000, sending.signal);
  if (fault === 'lost') throw reset();
  return fault;
}

const FAULTS = ['lost', 'answer lost', 'refused', 'slow'] as const;

function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

function refusal({ verb }: Call, random: Random): Reply {
  const writes = METHODS[verb] !== 'GET' && verb !== 'create';
  const codes = writes ? [409, 429, 500, 503, 504] : [429, 500, 503, 504];
  const code = codes[Math.floor(random() * codes.length)] ?? 500;
  if (code === 409) return { code, body: conflict(CONFIG_MAP, 'x').body };
  const { body } = new Refused({ code, reason: 'InternalError', message: `the server answers ${code} today` });
  return { code, body, ...(code === 429 ? { retryAfterSeconds: 1 } : {}) };
}

/** How long a watch that lags goes on behind the world. */
const LAG_MS = 8000;

/** Watches break in the middle, fall silent, lag, and say things twice or in another order. */
function withStorms(reply: Reply, { path }: Request, options: FaultyOptions): Reply {
  if (!('watch' in reply)) return reply;
  const what = `watch ${path.split('/').at(-1)}`;
  return { code: 200, watch: (sink) => new StormyWatch(reply.watch, { sink, what, options }).stop };
}

class StormyWatch {
  readonly stop = () => {
    this.#over = true;
    this.#stopInner();
  };
  readonly #sink: Sink;
  readonly #what: string;
  readonly #options: FaultyOptions;
  #stopInner: () => void = () => undefined;
  #silent = false;
  #over = false;
  #lagUntil = 0;
  /** Lines on their way, in order. */
  #late: Line[] = [];
  /** A line that lets the next one pass. */
  #held: Line | undefined;

  constructor(inner: Watch, { sink, what, options }: { sink: Sink; what: string; options: FaultyOptions }) {
    this.#sink = sink;
    this.#what = what;
    this.#options = options;
    const { body } = options;
    this.#stopInner = inner({
      line: (received) => body.soon(() => this.#line(received)),
      end: () => body.soon(() => this.#end()),
    });
    if (this.#over) this.#stopInner();
  }

  #end(): void {
    if (this.#over) return;
    this.stop();
    this.#sink.end();
  }

  #line(received: Line): void {
    if (this.#silent || this.#over) return;
    const { body, luck, storm, note, struck } = this.#options;
    const fault = lineFault(luck(this.#what)() / storm().lines);
    if (fault !== undefined) {
      note(`${body.id} ${this.#what} ${fault}`);
      struck(`watch ${fault}`);
    }
    if (fault === 'lags') this.#lagUntil = body.clock.monotonic() + LAG_MS;
    if (fault === 'swaps lines' && this.#held === undefined && received.type !== 'BOOKMARK') {
      this.#held = received;
      return;
    }
    const lines = this.#held === undefined ? [received] : [received, this.#held];
    this.#held = undefined;
    // No API server tells the past of a name after its present: nor that it was deleted after it came again.
    for (const line of sameName(lines) ? lines.reverse() : lines) this.#send(line);
    if (fault === 'says it twice') this.#send(received);
    this.#silent = fault === 'falls silent';
    if (fault === 'breaks') this.#end();
  }

  /** While it lags, lines come late, but in order. */
  #send(line: Line): void {
    const { clock } = this.#options.body;
    if (clock.monotonic() >= this.#lagUntil && this.#late.length === 0) {
      this.#sink.line(line);
      return;
    }
    this.#late.push(line);
    clock.timer(Math.max(1, this.#lagUntil - clock.monotonic()), () => {
      const next = this.#late.shift();
      if (next !== undefined && !this.#over) this.#sink.line(next);
    });
  }
}

function sameName([a, b]: readonly Line[]): boolean {
  return b !== undefined && keyOf(a) === keyOf(b);
}

function keyOf(line: Line | undefined): string {
  return ['namespace', 'name'].map((member) => dig(line?.object, ['metadata', member])).join('/');
}

const LINE_FAULTS = ['says it twice', 'falls silent', 'breaks', 'lags', 'swaps lines'] as const;

/** `roll` is below 1 where something goes wrong. */
function lineFault(roll: number): (typeof LINE_FAULTS)[number] | undefined {
  return roll < 1 ? LINE_FAULTS[Math.floor(roll * LINE_FAULTS.length)] : undefined;
}
