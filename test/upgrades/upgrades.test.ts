import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readState, storable } from '#schema/translate.ts';
import { goOn, type Moment } from '../core/moments.ts';
import { World } from '../core/world.ts';

/**
 * Releases that older versions left in the cluster, at every moment that they knew: an operator of today goes on with
 * each of them. `record.ts` writes them down.
 */

const folder = join(import.meta.dirname, 'recorded');

interface Recorded {
  name: string;
  word?: Moment['word'];
  world: Partial<World> & { releases: [string, object][]; broken: string[] };
}

function recordedBy(file: string): Recorded[] {
  const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Recorded);
}

/** Everything as the old operator left it, with the state as today's reads it. */
function resumed({ world: { releases, broken, ...left } }: Recorded): World {
  const world = new World();
  Object.assign(world, left, { releases: new Map(releases), broken: new Set(broken) });
  // JSON has no undefined, which a pod that is not going away has there.
  world.pods = world.pods.map((pod) => ({ ...pod, terminating: pod.terminating ?? undefined }));
  world.routes = world.routes.map((route) => ({ ...route, fence: route.fence ?? undefined }));
  world.state = readState({ status: { state: left.state } }) ?? world.state;
  return world;
}

describe.each(readdirSync(folder))('%s', (file) => {
  const moments = recordedBy(file);

  test('every moment that it knew is there', () => {
    expect(moments.length).toBeGreaterThan(10);
  });

  // kills: a member of the state that is renamed, or demanded where it was not before
  test.each(moments)('what it stored while $name is read, and stored again as it was', ({ world: { state } }) => {
    const read = readState({ status: { state } });
    expect(read).toEqual(state);
    expect(read === undefined ? undefined : JSON.parse(JSON.stringify(storable(read)))).toEqual(state);
  });

  // kills: an upgrade that moves traffic by itself
  test.each(moments)('a release that is $name keeps its traffic through the upgrade', (recorded) => {
    const world = resumed(recorded);
    const before = world.routes.map(({ weight }) => weight);
    const granted = world.state.release?.weight ?? 0;
    world.reconcile('none');
    for (const [index, { weight }] of world.routes.entries()) {
      const was = before[index] ?? 0;
      expect(weight === was || weight === granted || weight === world.state.release?.weight).toBe(true);
      // Past the commit point the route goes back to its user's text.
      if (world.state.release?.committed !== true) expect(weight).toBeGreaterThanOrEqual(Math.min(was, granted));
    }
  });

  test.each(moments)('a release that is $name goes on to its end', (recorded) => {
    const world = resumed(recorded);
    const attempt = world.state.release?.attempt;
    goOn(world, recorded.word);
    expect(world.violations).toEqual([]);
    // Nothing began anew that nobody asked to.
    if (recorded.word === undefined && attempt !== undefined) expect(world.state.releases).toBe(1);
  });
});
