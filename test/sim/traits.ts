import { randomOf } from './plan.ts';

/** What only some worlds have. Their dice are their own: a world without any of it is the same as before it was known. */
export interface Traits {
  /** The first step, and sometimes the promotion, asks people. */
  asks?: true;
  /** People go back to what served before. */
  undoes?: true;
  /** The first step is for users that a header names. */
  matches?: true;
  /** It was a Deployment before. */
  adopts?: true;
  /** The first step is of copies. */
  mirrors?: true;
  /** Its traffic comes by Ingresses, whose split stands in an object of ours. */
  companions?: true;
}

const WORDS: Readonly<Partial<Record<keyof Traits, string>>> = {
  asks: 'a step asks people',
  matches: 'a step of headers',
  mirrors: 'a step of copies',
  adopts: 'it was a Deployment',
  companions: 'an Ingress with a companion',
};

/** As the reports call those that a world has. */
export function wordsOf(traits: Traits): string[] {
  return (Object.keys(traits) as (keyof Traits)[]).flatMap((trait) => WORDS[trait] ?? []);
}

/** In one world of so many. */
const ASKS = 5;
const UNDOES = 5;
const MATCHES = 5;

export function traitsOf(seed: number): Traits {
  const random = randomOf('traits', seed);
  return {
    ...(random() < 1 / ASKS ? { asks: true } : {}),
    ...(random() < 1 / UNDOES ? { undoes: true } : {}),
    ...(random() < 1 / MATCHES ? { matches: true } : {}),
  };
}
