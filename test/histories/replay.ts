import { isDeepStrictEqual } from 'node:util';
import { decide } from '#core/decide.ts';
import type { GateReading } from '#core/gate.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import type { SeenRoute } from '#core/seen.ts';
import type { LiveGate } from '#gates/define.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import { contextsOf } from '#operator/contexts.ts';
import { gateFor } from '#src/catalog.ts';
import { type Decided, decidedOf, type Header, type Line, type Observed } from './journal.ts';

/** The operator of today, without its shell: gates that take ticks, and `decide`. Recorder and replay share it. */
export class Operator {
  state: State;
  private gates = new Map<string, LiveGate>();
  private readonly header: Omit<Header, 'history' | 'about' | 'from'>;
  private plan: Plan | undefined;

  constructor(header: Omit<Header, 'history' | 'about' | 'from'>) {
    this.header = header;
    this.state = header.state;
  }

  /** Forgets what is not stored. The state is in the cluster. */
  restart(): void {
    for (const gate of this.plan?.gates ?? []) {
      const live = this.gates.get(gate.name);
      const loaded = live === undefined ? undefined : gateFor(gate.slo.sli.kind).load(live.save());
      if (loaded !== undefined) this.gates.set(gate.name, loaded);
    }
  }

  /** Reads what the source shows. */
  tick(ticks: Record<string, TickSamples>, pods: readonly PodInfo[], { routes, settleMs }: Where): void {
    const { release } = this.state;
    if (release === undefined || this.plan === undefined) return;
    for (const context of this.contexts(release, this.plan, { routes, settleMs })) {
      const { name, slo } = context.gate;
      const tick = ticks[name];
      if (tick !== undefined) this.gates.set(name, this.gateOf(name, slo.sli.kind).fold(tick, pods, context));
    }
  }

  readings({ routes, settleMs }: Where, now: Millis): GateReading[] {
    const { release } = this.state;
    if (release === undefined || this.plan === undefined) return [];
    return this.contexts(release, this.plan, { routes, settleMs }).map((context) =>
      this.gateOf(context.gate.name, context.gate.slo.sli.kind).judge(context, now),
    );
  }

  /** One pass on what was seen. */
  pass(seen: NonNullable<Observed['seen']>, now: Millis): ReturnType<typeof decide> & { decided: Decided } {
    this.plan = seen.release?.plan;
    const settleMs = seen.spec?.settleMs ?? 0;
    const readings = this.readings({ routes: seen.routes, settleMs }, now);
    const decision = decide(this.state, { ...seen, gates: readings }, now);
    this.state = decision.next;
    const { next, effects, requeueAt } = decision;
    return { ...decision, decided: decidedOf({ readings, next, effects, requeueAt }) };
  }

  private contexts(release: ReleaseState, plan: Plan, where: Where) {
    const { budget, tickMs, scrapeMs } = this.header;
    return contextsOf(release, plan, { budget, tickMs, scrapeMs, ...where });
  }

  private gateOf(name: string, sli: Parameters<typeof gateFor>[0]): LiveGate {
    const saved = this.header.gates[name];
    const kind = gateFor(sli);
    const gate = this.gates.get(name) ?? (saved === undefined ? undefined : kind.load(saved)) ?? kind.start();
    this.gates.set(name, gate);
    return gate;
  }
}

interface Where {
  routes: readonly SeenRoute[];
  settleMs: Millis;
}

/**
 * What is decided differently today; empty when nothing is. Only the first line that differs can be trusted. `known` are
 * the members that recordings have: one that came into the record of a release later is no other decision, and what it
 * changes shows in members that are known.
 */
export function differences(header: Header, lines: readonly Line[], known: ReadonlySet<string>): string[] {
  const operator = new Operator(header);
  let where: Where = { routes: [], settleMs: 0 };
  for (const [index, { see, do: was }] of lines.entries()) {
    if (see.restart === true) operator.restart();
    if (see.seen === undefined) {
      operator.tick(see.ticks ?? {}, see.pods ?? [], where);
      continue;
    }
    const { decided } = operator.pass(see.seen, see.at);
    where = { routes: see.seen.routes, settleMs: see.seen.spec?.settleMs ?? 0 };
    const found = compare(was, decided, { path: '', known });
    if (found.length > 0) return [`line ${index + 2}, at ${clock(see.at, lines)}:`, ...found];
  }
  return [];
}

/** Time since the history began. */
function clock(at: Millis, [first]: readonly Line[]): string {
  const seconds = Math.round((at - (first?.see.at ?? at)) / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Paths of all members of what was decided; those of a list's members are alike. */
export function membersOf(lines: readonly Line[]): Set<string> {
  const members = new Set<string>();
  const visit = (value: unknown, path: string): void => {
    members.add(path);
    if (isRecord(value)) for (const key of Object.keys(value)) visit(value[key], memberPath(value, path, key));
  };
  for (const line of lines) visit(line.do, '');
  return members;
}

function memberPath(parent: object, path: string, key: string): string {
  const name = Array.isArray(parent) ? '*' : key;
  return path === '' ? name : `${path}.${name}`;
}

interface Place {
  path: string;
  known: ReadonlySet<string>;
}

function compare(was: unknown, is: unknown, { path, known }: Place): string[] {
  if (isDeepStrictEqual(was, is) || (was === undefined && !known.has(path))) return [];
  if (!isRecord(was) || !isRecord(is))
    return [`  ${path}`, `    - ${JSON.stringify(was)}`, `    + ${JSON.stringify(is)}`];
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return keys.flatMap((key) => compare(was[key], is[key], { path: memberPath(was, path, key), known }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
