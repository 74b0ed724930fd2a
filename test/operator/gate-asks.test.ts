import { expect, test } from 'vitest';
import { type Asked, type Asks, createPass } from '#operator/gate-asks.ts';
import { createTurns } from '#operator/gate-turns.ts';
import type { Question } from '#sources/ask.ts';
import { settle } from '#test/support/virtual-clock.ts';

const cost = { queries: 1, series: 2, bytes: 3, seconds: 4 };

function question(metric: string): Question {
  return { what: 'Counts', selector: { metric, matchers: [] }, within: { by: 'Nothing' } };
}

const nameOf = ({ question: asked }: Asked): string => ('promql' in asked ? asked.promql : asked.selector.metric);

/** A pass whose batches are answered by hand. */
function passByHand() {
  const batches: { names: string[]; answer(...names: string[]): void; done(): void }[] = [];
  const pass = createPass(async (batch) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const answer = (...names: string[]) => {
      for (const one of batch) if (names.includes(nameOf(one))) one.answer(new Map(), cost);
    };
    batches.push({ names: batch.map(nameOf), answer, done: resolve });
    await promise;
  });
  return { pass, batches };
}

const ask = (asks: Asks, at: number, ...metrics: string[]) =>
  Promise.all(metrics.map((metric) => asks.ask(question(`${metric}${at}`), { from: at, to: at, stepMs: 1 })));

test('gates that ask again are asked for together again, whoever was answered first', async () => {
  const { pass, batches } = passByHand();
  const read = (metric: string) =>
    pass.read(async (asks) => {
      for (const at of [1, 2]) await ask(asks, at, metric);
    });
  const all = Promise.all([read('a'), read('b'), read('c')]);
  await settle();
  expect(batches.map(({ names }) => names)).toEqual([['a1', 'b1', 'c1']]);
  batches[0]?.answer('a1');
  await settle();
  // kills: questions sent while others still wait, so that after a restart every gate asks for itself
  expect(batches).toHaveLength(1);
  batches[0]?.answer('b1', 'c1');
  batches[0]?.done();
  await settle();
  expect(batches.map(({ names }) => names)).toEqual([
    ['a1', 'b1', 'c1'],
    ['a2', 'b2', 'c2'],
  ]);
  batches[1]?.answer('a2', 'b2', 'c2');
  batches[1]?.done();
  expect(await all).toEqual(Array.from({ length: 3 }, () => ({ queries: 2, series: 4, bytes: 6, seconds: 8 })));
});

test('all that a gate asks in one breath is one batch', async () => {
  const { pass, batches } = passByHand();
  void pass.read(async (asks) => void (await ask(asks, 1, 'a', 'b', 'c')));
  await settle();
  expect(batches.map(({ names }) => names)).toEqual([['a1', 'b1', 'c1']]);
});

test('a gate that fails holds nobody up', async () => {
  const { pass, batches } = passByHand();
  const failing = pass.read(async (asks) => {
    void asks.ask(question('dropped'), { from: 1, to: 1, stepMs: 1 }).catch(() => undefined);
    throw new Error('no');
  });
  const silent = pass.read(async () => undefined);
  const other = pass.read(async (asks) => void (await ask(asks, 1, 'a')));
  await expect(failing).rejects.toThrow('no');
  await silent;
  await settle();
  // kills: a barrier that waits for a gate which will never ask
  expect(batches.map(({ names }) => names)).toEqual([['a1']]);
  batches[0]?.answer('a1');
  batches[0]?.done();
  expect(await other).toEqual(cost);
});

test('turns go to each group in its turn', async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const take = (group: string, name: string) => turns.take(group).then(() => order.push(name));
  void take('x', 'x0');
  for (const name of ['a1', 'a2', 'a3']) void take('a', name);
  void take('b', 'b1');
  await settle();
  for (let done = 0; done < 5; done += 1) {
    turns.give();
    await settle();
  }
  // kills: first come, first served, where one namespace with many queries holds up all others
  expect(order).toEqual(['x0', 'a1', 'b1', 'a2', 'a3']);
});
