import { adopting } from './adopting.ts';
import { caches } from './caches.ts';
import { companions } from './companions.ts';
import { gates } from './gates.ts';
import { keeping } from './keeping.ts';
import { leaving } from './leaving.ts';
import { moreWorlds } from './more-worlds.ts';
import type { Mutant } from './mutant.ts';
import { pacing } from './pacing.ts';
import { people } from './people.ts';
import { probes } from './probes.ts';
import { pureWorlds } from './pure-worlds.ts';
import { raising } from './raising.ts';
import { reach } from './reach.ts';
import { rights } from './rights.ts';
import { routers } from './routers.ts';
import { scaling } from './scaling.ts';
import { shrinking } from './shrinking.ts';
import { together } from './together.ts';
import { worlds } from './worlds.ts';
import { young } from './young.ts';

export const mutants: readonly Mutant[] = [
  ...raising,
  ...keeping,
  ...gates,
  ...pureWorlds,
  ...moreWorlds,
  ...young,
  ...probes,
  ...reach,
  ...companions,
  ...routers,
  ...together,
  ...scaling,
  ...shrinking,
  ...pacing,
  ...people,
  ...worlds,
  ...adopting,
  ...rights,
  ...leaving,
  ...caches,
];
