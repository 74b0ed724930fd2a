import { gates } from './gates.ts';
import { loop } from './loop.ts';
import type { Mutant } from './mutant.ts';
import { young } from './young.ts';

export const mutants: readonly Mutant[] = [...loop, ...gates, ...young];
