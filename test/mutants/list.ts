import { gates } from './gates.ts';
import { loop } from './loop.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [...loop, ...gates];
