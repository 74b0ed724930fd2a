import { expect, test } from 'vitest';
import type { Evidence } from '#core/gate.ts';
import { advanceLimit } from '#gates/advance.ts';
import { foldStopTest, logEvidence, matters, startStopTest, stopLimit } from '#gates/eprocess.ts';
import { verdictOf } from '#gates/error-verdict.ts';
import { overspent } from '#gates/ledger.ts';
import { Drill } from './drill.ts';
import { context } from './service.ts';

/** What docs/gates.md promises in numbers. Whoever changes one changes the promise. */

// kills: another alpha or beta, an excess that is not asked
test('the promises are those that are documented', () => {
  expect(Math.exp(-stopLimit()), 'a good release is stopped once in fifty').toBeCloseTo(0.02, 12);
  expect(Math.exp(-advanceLimit(1)), 'the excluded excess passes once in twenty').toBeCloseTo(0.05, 12);
  expect([0.00029, 0.0003, 0.00031].map(matters), '0.03 points matter to nobody').toEqual([false, false, true]);
  const tick = { canary: { total: 1000, bad: 30 }, stable: { total: 9000, bad: 90 } };
  const [usual, tenth] = [{}, { toleratedRatio: 1.1 }].map((more) =>
    logEvidence(foldStopTest(startStopTest(), tick, 0, more)),
  );
  expect(usual, 'a tenth more failures are not called worse').toBe(tenth);
});

// kills: spend alone
test('a handful of failures is no spent budget', () => {
  expect(overspent({ charged: 4.9, net: 4.9 }, 1, 0.01)).toBe(false);
  expect(overspent({ charged: 5, net: 5 }, 0.01, 0.01)).toBe(true);
  expect(overspent({ charged: 1000, net: 1000 }, 0.0099, 0.01)).toBe(false);
});

// kills: `<` turned round, which lets NaN through
test('a figure that is none, and no request at all, are no pass', () => {
  const drill = new Drill();
  drill.ticks(40, { canary: [150, 0], stable: [1350, 2] });
  const { evidence, stable } = drill.judge();
  const saying = (more: Partial<Evidence>) =>
    verdictOf({ state: drill.gate, context, evidence: { ...evidence, ...more }, stable, now: drill.now }).verdict;
  expect(saying({})).toBe('Pass');
  expect(saying({ advanceLogE: Number.NaN })).toBe('Inconclusive');
  const step = { ...evidence.step, canary: { total: 0, bad: 0 } };
  expect(saying({ step })).toBe('Inconclusive');
});
