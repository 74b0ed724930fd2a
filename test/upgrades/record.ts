import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { moments } from '../core/moments.ts';

/**
 * Writes down every moment of a release as the code of this tree leaves it in the cluster: run once by each version whose
 * releases later ones must be able to go on with. `node test/upgrades/record.ts v0.1.0`
 */

const [, , version = 'unnamed'] = process.argv;
const worlds = moments.map(({ name, word, world: build }) => {
  const { releases, broken, timeline: _, ...world } = build();
  return { name, word, world: { ...world, releases: [...releases], broken: [...broken] } };
});
const text = worlds.map((world) => JSON.stringify(world)).join('\n');
writeFileSync(join(import.meta.dirname, 'recorded', `${version}.jsonl`), `${text}\n`);
