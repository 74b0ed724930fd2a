import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DegradedReason, State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import { show } from '#core/state.ts';
import type { Millis } from '#lib/units.ts';
import { statusOf } from '#operator/status.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { reasons } from '#schema/release-words.ts';
import { parseHistory } from './journal.ts';
import { Operator } from './replay.ts';

/** A Rollout as it stood at one moment of a recorded release, with what the operator knew and saw. */
export interface Portrait {
  /** The history and what sets this moment apart, for people. */
  name: string;
  state: State;
  seen: Seen;
  at: Millis;
  object: KubeObject;
}

const GENERATION = 3;
const folder = join(import.meta.dirname, 'recorded');

/** One of every kind of moment that the recorded histories have, and of those that none of them comes through. */
export function portraits(): Portrait[] {
  const found = new Map<string, Portrait>();
  const add = (history: string, moment: Omit<Portrait, 'name' | 'object'>) => {
    const kind = kindOf(moment.state);
    if (!found.has(kind)) found.set(kind, { ...moment, name: `${kind} (${history})`, object: rolloutAt(moment) });
  };
  for (const file of readdirSync(folder).sort()) {
    const history = file.replace('.jsonl', '');
    for (const moment of momentsOf(file)) add(history, moment);
  }
  for (const moment of [...found.values()].filter(({ state }) => state.release !== undefined).flatMap(stopped))
    add('by hand', moment);
  return [...found.values()];
}

/** Everything that a status shows in words. */
function kindOf({ phase, reason, release }: State): string {
  const words = [phase, reason, release?.stage, release?.ending?.kind, release?.committed ? 'committed' : undefined];
  return words.filter((word) => word !== undefined).join(' ');
}

function momentsOf(file: string): Omit<Portrait, 'name' | 'object'>[] {
  const { header, lines } = parseHistory(readFileSync(join(folder, file), 'utf8'));
  const operator = new Operator(header);
  let where = { routes: lines[0]?.see.seen?.routes ?? [], settleMs: 0 };
  return lines.flatMap(({ see }) => {
    if (see.restart === true) operator.restart();
    if (see.seen === undefined) {
      operator.tick(see.ticks ?? {}, see.pods ?? [], where);
      return [];
    }
    const before = operator.state;
    operator.pass(see.seen, see.at);
    where = { routes: see.seen.routes, settleMs: see.seen.spec?.settleMs ?? 0 };
    const moment = { state: operator.state, seen: { ...see.seen, gates: [] }, at: see.at };
    const begins = before.release === undefined && operator.state.release !== undefined;
    return begins ? [{ ...moment, state: waiting(before, see.at) }, moment] : [moment];
  });
}

/** What is about to begin, kept from it by its budget. */
function waiting(before: State, at: Millis): State {
  return show(before, { phase: 'Paused', reason: 'BudgetLow', message: 'little is left of the budget' }, at);
}

const stops: readonly string[] = ['InvalidSpec', 'DeadlineExceeded'] satisfies DegradedReason[];
const pauses = reasons.filter((reason) => reason !== 'Aborted' && !stops.includes(reason));

/** The same moment, stopped for the reasons that no history is stopped for, with the release standing where it stood. */
function stopped({ state, seen, at }: Portrait): Omit<Portrait, 'name' | 'object'>[] {
  const { release } = state;
  if (release === undefined || release.ending !== undefined || release.committed || state.phase !== 'Progressing')
    return [];
  const why = { at, why: 'abort by ann', kind: 'Abort' } as const;
  return [
    ...pauses.map((reason) => show(state, { phase: 'Paused', reason, message: reason }, at)),
    ...reasons
      .filter((reason) => stops.includes(reason))
      .map((reason) => show(state, { phase: 'Degraded', reason, message: reason }, at)),
    {
      ...show(state, { phase: 'Degraded', reason: 'Aborted' as const, message: why.why }, at),
      release: { ...release, ending: why },
    },
  ].map((next) => ({ state: next, seen, at }));
}

function rolloutAt({ state, seen, at }: Omit<Portrait, 'name' | 'object'>): KubeObject {
  const bare: KubeObject = {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Rollout',
    metadata: {
      name: seen.rollout,
      namespace: 'shop',
      uid: 'a1',
      generation: GENERATION,
      creationTimestamp: '2026-03-02T03:00:00Z',
    },
    spec: { replicas: seen.spec?.replicas ?? 1, service: seen.rollout },
  };
  return { ...bare, status: statusOf(bare, {}, { next: state, sight: { seen, pods: [] }, now: at }) };
}
