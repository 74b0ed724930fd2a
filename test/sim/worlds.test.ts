import { expect, test } from 'vitest';
import { fair, playWorld, type Script, stormy } from './play.ts';

/**
 * The production reflector, queue, reconcile loop and leader election on the sandbox, in virtual time. A failing world
 * prints the one line that plays it again, with everything that happened.
 */

const only = process.env['SIM_SEED'];

async function playAll(name: string, script: Script, count: number): Promise<string> {
  const seeds = only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(only)];
  const failures: string[] = [];
  for (const seed of seeds) {
    const wrong = await playWorld(seed, script);
    if (wrong === undefined) continue;
    const [what, ...story] = wrong;
    failures.push(`SIM_SEED=${seed} npx vitest run --project unit test/sim -t '${name}': ${what}`);
    if (only !== undefined) failures.push(...story);
    if (failures.length === 5) break;
  }
  return failures.join('\n');
}

// kills: raises that start together with the store (24 of 40 worlds fail), canary pods that go by the clock alone
// (14 of 30), a watch that goes on after 410 (4 of 21), a list that forgets nothing (2 of 19)
// The limits end what hangs; a world takes about a second of CPU.
test('fair worlds', async () => {
  expect(await playAll('fair worlds', fair, 20)).toBe('');
}, 600_000);

test('stormy worlds', async () => {
  expect(await playAll('stormy worlds', stormy, 50)).toBe('');
}, 600_000);
