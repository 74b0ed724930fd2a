import { afterEach, expect, test } from 'vitest';
import type { GateContext, ProbeSli } from '#core/gate.ts';
import type { ProbeOutcome } from '#core/probe.ts';
import { createGateEngine, type GateEngine } from '#operator/gate-engine.ts';
import type { Log } from '#ports/log.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const START = 1_700_000_000_000;
const TICK = 10_000;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const sli: ProbeSli = {
  ...{ kind: 'probe', suite: 'prompts', checks: ['greet'], samples: 1, everyMs: 2000, tolerate: 0.05 },
};

const engines: GateEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.stop();
});

function contextOf(more: Partial<GateContext> = {}): GateContext {
  const slo = { name: 'answers', sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 2_419_200_000 };
  return {
    gate: { name: 'answers', role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1_800_000 },
    ...{ epoch: 'r/1', stepEpoch: 'r/1/step0/1', attempt: 1, weight: 10_000, nextWeight: 50_000, arrived: true },
    ...{ raisedAt: START - 60_000, reactionMs: 20_000, tickMs: TICK, targetSpend: 0.001, maxSpend: 0.01 },
    ...more,
  };
}

function world(clock = createVirtualClock({ wall: START })) {
  const told: ProbeOutcome[] = [];
  const read: string[] = [];
  const engine = createGateEngine({
    clock,
    // No MetricSource at all: a gate of probes asks none.
    sourceFor: () => undefined,
    probes: {
      outcomes(key, gate, from) {
        read.push(`${key} ${gate}`);
        return told.filter(({ at }) => at >= from);
      },
    },
    log: silent,
    telemetry: recordTelemetry(),
    onReading() {},
  });
  engines.push(engine);
  const watch = (more: Partial<GateContext> = {}, checkpoint?: string): void =>
    engine.watch('shop/app', {
      contexts: [contextOf(more)],
      scope: { namespace: 'shop', replicaSets: [] },
      pods: () => [],
      // Of the sources that other gates use: nothing is scraped here.
      scrapeMs: 60_000,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    });
  /** Rounds of one check, two seconds apart. */
  const rounds = async (count: number, bad: { canary: number; stable: number }): Promise<void> => {
    for (let round = 0; round < count; round += 1) {
      const counts = { canary: { total: 1, bad: bad.canary }, stable: { total: 1, bad: bad.stable } };
      told.push({ at: clock.now(), epoch: 'r/1', stepEpoch: 'r/1/step0/1', check: 'greet', ...counts });
      await clock.advance(2000);
    }
  };
  /** One right answer that comes in the very instant of the next tick, before the gate looks. */
  const tellAtNextTick = (): void => {
    const counts = { canary: { total: 1, bad: 0 }, stable: { total: 1, bad: 0 } };
    const at = (Math.floor(clock.now() / TICK) + 1) * TICK;
    told.push({ at, epoch: 'r/1', stepEpoch: 'r/1/step0/1', check: 'greet', ...counts });
  };
  return { clock, engine, watch, rounds, tellAtNextTick, read, reading: () => engine.readings('shop/app')[0] };
}

test('what the prober was answered is counted once, without a source', async () => {
  // kills: answers of the instant itself lost or counted twice; every fifth of these comes at one.
  const { clock, watch, rounds, tellAtNextTick, reading, read, engine } = world();
  watch();
  await clock.advance(100);
  expect(reading()).toMatchObject({ verdict: 'NoData', cause: 'CatchingUp' });
  await rounds(60, { canary: 0, stable: 0 });
  watch();
  tellAtNextTick();
  await clock.advance(2 * TICK);
  expect(reading()).toMatchObject({ verdict: 'Pass', stable: 'Meets' });
  expect(reading()?.evidence).toMatchObject({ canary: { total: 61, bad: 0 }, stable: { total: 61, bad: 0 } });
  expect(new Set(read)).toEqual(new Set(['shop/app answers']));
  expect(engine.costs()).toEqual([]);
});

test('a canary that fails every fifth answer is stopped, and the checkpoint remembers it', async () => {
  const { clock, watch, rounds, reading, engine } = world();
  watch({ weight: 50_000 });
  await rounds(40, { canary: 0, stable: 0 });
  for (let fifth = 0; fifth < 12; fifth += 1) {
    await rounds(1, { canary: 1, stable: 0 });
    await rounds(4, { canary: 0, stable: 0 });
  }
  await clock.advance(TICK);
  expect(reading()).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
  expect(reading()).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
  const kept = engine.checkpoint('shop/app');
  expect(Buffer.byteLength(kept)).toBeLessThan(1400);
  const next = world(clock);
  next.watch({ weight: 50_000 }, kept);
  await clock.advance(TICK);
  // kills: a restart of the operator that forgets a breach.
  expect(next.reading()).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
});

test('after a restart the gate goes on where it was, and waits for a new answer first', async () => {
  const before = world();
  before.watch();
  await before.rounds(60, { canary: 0, stable: 0 });
  await before.clock.advance(TICK);
  const after = world(before.clock);
  after.watch({}, before.engine.checkpoint('shop/app'));
  await after.clock.advance(300_000);
  expect(after.reading()).toMatchObject({ verdict: 'NoData', cause: 'CatchingUp' });
  await after.rounds(8, { canary: 0, stable: 0 });
  expect(after.reading()).toMatchObject({ verdict: 'Pass' });
  expect(after.reading()?.evidence.canary.total).toBeGreaterThanOrEqual(60);
});
