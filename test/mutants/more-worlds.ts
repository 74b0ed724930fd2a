import type { Mutant } from './mutant.ts';

const file = 'test/sim/kinds.test.ts';
const barred = { file, test: 'law: no world sends where an owner does not let it' };
const queued = { file, test: 'law: fleets keep to their limit, and nobody is passed or waits for ever' };

/** Mutants that worlds with owners of routes notice, and worlds with a queue. */
export const moreWorlds: readonly Mutant[] = [
  {
    name: 'worlds: what is barred keeps its traffic',
    breaks: 26,
    file: 'src/core/transition.ts',
    find: '    onBarred(state, release, at) ??\n',
    replace: '',
    killedBy: barred,
    because: 'gateways would answer the share of the canary with errors',
  },
  {
    name: 'worlds: a grant for one Service is taken for both',
    breaks: 26,
    file: 'src/operator/allowed.ts',
    find: 'const services = [asking.service, canaryServiceName(asking.service)];',
    replace: 'const services = [asking.service, asking.service];',
    killedBy: barred,
    because: 'the gateway would answer every request to the canary with an error',
  },
  {
    name: 'worlds: as many releases as like go up from 0',
    breaks: 23,
    file: 'src/core/places.ts',
    find: 'return admitted(line, places).has(own) ? undefined :',
    replace: 'return line.length > 0 ? undefined :',
    killedBy: queued,
    because: 'whoever set a limit knows what the cluster carries',
  },
  {
    name: 'worlds: an ended release makes room for one that asks nobody',
    breaks: 23,
    file: 'src/operator/places.ts',
    find: 'return state.release?.ending !== undefined || beginsRaise(state, revision);',
    replace: 'return beginsRaise(state, revision);',
    killedBy: queued,
    because: 'a newer template would pass everybody who waits',
  },
  {
    name: 'worlds: the queue goes by name',
    breaks: 23,
    file: 'src/core/places.ts',
    find: 'rank[a.stands] - rank[b.stands] || a.since - b.since ||',
    replace: 'rank[a.stands] - rank[b.stands] ||',
    killedBy: queued,
    because: 'the last of the alphabet would wait for ever',
  },
  {
    name: 'a retry passes everybody who waits',
    breaks: 23,
    file: 'src/core/actions.ts',
    find: '? begun : { ...begun, inQueueSince: now }',
    replace: '? begun : begun',
    killedBy: { file: 'test/core/places.test.ts', test: 'a retry stands behind those who wait' },
    because: 'whoever tries often enough would always be next',
  },
  {
    name: 'worlds: the first step by pods is all of them',
    breaks: 1,
    file: 'src/core/state.ts',
    find: 'return { joined: Math.max(release.joined ?? 0, podsAt(rung, replicas)) };',
    replace: 'return { joined: Math.max(release.joined ?? 0, replicas) };',
    killedBy: { file: 'test/sim/pure.test.ts', test: 'law: telling pure worlds are safe and come to rest' },
    because: 'half of all users would meet what was to be shown to a few',
  },
];
