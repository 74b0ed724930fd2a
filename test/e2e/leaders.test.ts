import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { freeze, thaw } from '../lab/proxy/pids.ts';
import type { Fate, Write } from '../lab/proxy/proxy.ts';
import { waitFor } from '../lab/wait.ts';
import { type Member, openPair, type Pair } from './support/pair.ts';
import type { RolloutObject } from './support/stage.ts';

/** Two operators compete for one Lease: one of them raises, whatever happens to the other. */

const lab = connectLab(inject('lab'));
const RATE = 50;
/** The record that allows the first step, and the write that makes it so. */
const GRANT = 'rollouts Progressing Shifting step 0 weight 20000';
const RAISE = 'httproutes 20000';
const HOLD = 'rollouts Progressing Holding step 0 weight 20000 accepted arrived';

const pairs: Record<string, Pair> = {};
const names = ['both', 'frozen', 'delayed', 'stopped', 'killed'];

beforeAll(async () => {
  const opened = await Promise.all(names.map((name) => openPair(lab, `leaders-${name}`)));
  for (const [at, name] of names.entries()) Object.assign(pairs, { [name]: opened[at] });
});
afterAll(async () => {
  await Promise.all(Object.values(pairs).map((pair) => pair.close()));
});

function pairOf(name: string): Pair {
  const pair = pairs[name];
  if (pair === undefined) throw new Error(`no pair ${name}`);
  return pair;
}

const promoted = ({ status }: RolloutObject) =>
  status?.phase === 'Healthy' && status.state?.ended?.outcome === 'Promoted';
const wentBack = ({ status }: RolloutObject) => status?.state?.release?.ending?.kind === 'Retreat';

/** Runs `act` right after a write of the leader was answered; resolves when it has. */
function onAnswer(pair: Pair, member: Member, label: string, act: () => void): Promise<Write> {
  const { promise, resolve } = Promise.withResolvers<Write>();
  pair.proxy.at({
    ...{ client: member.client, label, write: 1, when: 'after' },
    act(write) {
      act();
      resolve(write);
      return 'pass';
    },
  });
  return promise;
}

async function ended({ operator: { child } }: Member): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** One good release under load, with something done to its leader on the way. */
async function goodRelease(pair: Pair, disturb: (roles: { leader: Member; other: Member }) => Promise<unknown>) {
  const { app, journal, proxy } = pair;
  const roles = await pair.roles();
  const load = await app.load(RATE);
  const since = journal.mark();
  proxy.reset();
  const disturbed = disturb(roles);
  await app.apply({ image: 'lab/shop:v1' });
  await disturbed;
  await app.until('promoted', promoted, 180).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${JSON.stringify((await load.stop()).images)}`);
  });
  await journal.catchUp();
  const report = await load.stop();
  expect(report.failed, JSON.stringify(report.results)).toEqual({ gateway: 0, service: 0 });
  expect(journal.overgrants(since)).toEqual([]);
  return { ...roles, ladder: journal.ladder(since), offered: report.offered };
}

/** The weights of an undisturbed release: whoever leads, traffic goes this way. */
const LADDER = [0, 20_000, 50_000, 0];

describe.concurrent('two operators', () => {
  test('exactly one of them writes, and so exactly one raises', async () => {
    const pair = pairOf('both');
    const { leader, other, ladder, offered } = await goodRelease(pair, async () => undefined);
    expect(ladder).toEqual(LADDER);
    expect(pair.raisesOf(leader)).toBe(2);
    // kills: asking for leadership at the start alone
    expect(pair.proxy.writes(other.client).map(({ label }) => label)).toEqual([]);
    console.log('two operators', JSON.stringify({ writes: pair.proxy.count(leader.client), offered }));
  });

  test('a leader frozen right after it stored a raise raises nothing when it wakes after a retreat', async () => {
    const pair = pairOf('frozen');
    const { app, journal } = pair;
    const { leader, other } = await pair.roles();
    await app.load(RATE);
    const frozen = onAnswer(pair, leader, GRANT, () => freeze(leader.operator.pid));
    await app.apply({ image: 'lab/shop:v1' });
    await frozen;
    await pair.leads(other);
    expect(await app.act('retreat')).toMatch(/^Applied/);
    await app.until('the retreat', wentBack);
    const since = await settledAtZero(pair);
    const before = pair.proxy.count(leader.client);
    thaw(leader.operator.pid);
    // kills: raising on a term that ran out while the process stood still
    expect(await ended(leader), leader.operator.log().slice(-1000)).toBe(1);
    await journal.catchUp();
    expect(journal.ladder(since)).toEqual([0]);
    expect(pair.raisesOf(leader)).toBe(0);
    const woken = pair.proxy.writes(leader.client).slice(before);
    console.log('frozen leader', JSON.stringify({ wroteWhenWoken: woken.map(({ label, status }) => [label, status]) }));
  });

  test('a raise that was on its way during the whole retreat is refused by the API server', async () => {
    const pair = pairOf('delayed');
    const { app, journal, proxy } = pair;
    const { leader, other } = await pair.roles();
    await app.load(RATE);
    const held = Promise.withResolvers<Write>();
    const go = Promise.withResolvers<void>();
    proxy.at({
      ...{ client: leader.client, label: RAISE, write: 1, when: 'before' },
      async act(write): Promise<Fate> {
        freeze(leader.operator.pid);
        held.resolve(write);
        await go.promise;
        return 'pass';
      },
    });
    await app.apply({ image: 'lab/shop:v1' });
    const { n } = await held.promise;
    await pair.leads(other);
    expect(await app.act('retreat')).toMatch(/^Applied/);
    await app.until('the retreat', wentBack);
    const since = await settledAtZero(pair);
    go.resolve();
    const answer = async () => proxy.writes(leader.client).find((write) => write.n === n)?.status;
    // kills: a raise that tests neither the fence nor the resourceVersion
    expect([409, 422]).toContain(await waitFor('the answer to the raise', answer));
    thaw(leader.operator.pid);
    expect(await ended(leader), leader.operator.log().slice(-1000)).toBe(1);
    await journal.catchUp();
    expect(journal.ladder(since)).toEqual([0]);
    expect(pair.raisesOf(leader)).toBe(0);
  });

  test.each([
    { name: 'stopped', signal: 'SIGTERM', code: 0, because: 'it lets go of the Lease and ends' },
    { name: 'killed', signal: 'SIGKILL', code: null, because: 'its Lease runs out' },
  ] as const)(
    'a leader that gets $signal in the middle hands over without moving traffic',
    async ({ name, signal, code, because }) => {
      const pair = pairOf(name);
      const { leader, other, ladder, offered } = await goodRelease(pair, async (roles) => {
        await onAnswer(pair, roles.leader, HOLD, () => process.kill(roles.leader.operator.pid, signal));
        const written = pair.proxy.count(roles.leader.client);
        expect(await ended(roles.leader), because).toBe(code);
        await pair.leads(roles.other);
        console.log(
          `${name} leader`,
          JSON.stringify({ written, more: pair.proxy.count(roles.leader.client) - written }),
        );
      });
      expect(ladder, because).toEqual(LADDER);
      expect([pair.raisesOf(leader), pair.raisesOf(other)]).toEqual([1, 1]);
      console.log(`${name} leader`, JSON.stringify({ offered }));
    },
  );
});

/** Waits until the route says 0; where the journal is then. */
async function settledAtZero({ app, journal }: Pair): Promise<number> {
  await waitFor('the route at 0', async () => ((await app.weight()) === 0 ? true : undefined));
  await journal.catchUp();
  return journal.mark();
}
