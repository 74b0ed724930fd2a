import { readFileSync, writeFileSync } from 'node:fs';
import { type Cell, cellOf, type Head, headOf } from './cells.ts';
import { regressions } from './check.ts';
import { type Ending, play } from './play.ts';
import type { Policy } from './policy.ts';
import { playTogether } from './together.ts';
import type { Scenario } from './traffic.ts';

/** What is committed: every cell over all seeds, and what a check plays again. */

export const SEEDS = 400;

/** First seeds of the unit tests, and of `make bench-check`. */
export const QUICK_SEEDS = 20;
export const CHECK_SEEDS = 100;

export interface Results {
  /** Seeds 1 to this number; every policy meets the same users under the same seed. */
  seeds: number;
  cells: Record<string, Record<string, Cell>>;
}

const file = new URL('results.json', import.meta.url);

export function readResults(): Results {
  const results: Results = JSON.parse(readFileSync(file, 'utf8'));
  return results;
}

/** One line for each cell, so that a change of one is a change of one line. */
export function writeResults({ seeds, cells }: Results): void {
  const row = ([name, row]: [string, Record<string, Cell>]) =>
    `  ${JSON.stringify(name)}: {\n${Object.entries(row)
      .map(([policy, cell]) => `   ${JSON.stringify(policy)}: ${JSON.stringify(cell)}`)
      .join(',\n')}\n  }`;
  writeFileSync(file, `{\n "seeds": ${seeds},\n "cells": {\n${Object.entries(cells).map(row).join(',\n')}\n }\n}\n`);
}

export function plays({ only }: Policy, scenario: Scenario): boolean {
  return only === undefined || only(scenario);
}

function endingsOf(policy: Policy, scenario: Scenario, seeds: number): Ending[] {
  const one = scenario.together === undefined ? play : playTogether;
  return Array.from({ length: seeds }, (_, index) => one(policy, scenario, index + 1));
}

export function playCell(policy: Policy, scenario: Scenario, seeds: number): Cell {
  return cellOf(scenario, endingsOf(policy, scenario, seeds), [QUICK_SEEDS, CHECK_SEEDS]);
}

export function playHead(policy: Policy, scenario: Scenario, seeds: number): Head {
  return headOf(scenario, endingsOf(policy, scenario, seeds));
}

/** What is worse than committed over the first seeds, as sentences. */
export function checkCell(was: Results, policy: Policy, scenario: Scenario, seeds: number): string[] {
  const before = was.cells[scenario.name]?.[policy.name];
  const found =
    before === undefined
      ? ['not in results.json: run bench/decisions/main.ts']
      : regressions(scenario.kind, before, playHead(policy, scenario, seeds));
  return found.map((what) => `${scenario.name}, ${policy.name}: ${what}`);
}
