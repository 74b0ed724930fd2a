import { barred } from './barred.ts';
import { adopting, asking, dying, matching, mirroring, mortal, parting, taken, undoing } from './few.ts';
import type { Play } from './plan.ts';
import { companions, fair, mirrored, stormy } from './play.ts';
import { handled, pure } from './pure.ts';
import { queued } from './queued.ts';

/** Every kind of world, by name. */
export const plays: ReadonlyMap<string, Play> = new Map(
  [
    pure,
    handled,
    barred,
    queued,
    fair,
    stormy,
    dying,
    taken,
    asking,
    undoing,
    matching,
    adopting,
    companions,
    mirroring,
    mirrored,
    mortal,
    parting,
  ].map((play) => [play.name, play]),
);
