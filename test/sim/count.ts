import type { Report } from '../../scripts/simulations.ts';
import { INVARIANTS } from './invariants.ts';
import { type Played, type Tally, tally } from './plan.ts';

export class Counter {
  readonly #kind: string;
  readonly #failed: Report['failed'] = [];
  readonly #injected: Tally = new Map();
  readonly #worldsWith: Tally = new Map();
  readonly #checks: Tally = new Map();
  readonly #matrix = new Map<string, Tally>();
  #worlds = 0;

  constructor(kind: string) {
    this.#kind = kind;
  }

  get failures(): number {
    return this.#failed.length;
  }

  add(seed: number, { wrong, faults, checks }: Played): void {
    this.#worlds += 1;
    if (wrong !== undefined) this.#failed.push({ seed, wrong: wrong.slice(0, 300) });
    for (const [name, looks] of checks) tally(this.#checks, name, looks);
    for (const [fault, times] of faults) {
      tally(this.#injected, fault, times);
      tally(this.#worldsWith, fault);
      const row = this.#matrix.get(fault) ?? new Map<string, number>();
      for (const [name, looks] of checks) tally(row, name, looks);
      this.#matrix.set(fault, row);
    }
  }

  report(cpuSeconds: number): Report {
    const faults = [...this.#injected].sort(([a], [b]) => (a < b ? -1 : 1));
    const spoken = (looks: Tally) =>
      Object.fromEntries(
        Object.entries(INVARIANTS).flatMap(([name, text]) => (looks.has(name) ? [[text, looks.get(name) ?? 0]] : [])),
      );
    return {
      kind: this.#kind,
      worlds: this.#worlds,
      failed: this.#failed,
      cpuSeconds,
      faults: Object.fromEntries(
        faults.map(([fault, injected]) => [fault, { injected, worlds: this.#worldsWith.get(fault) ?? 0 }]),
      ),
      checks: spoken(this.#checks),
      matrix: Object.fromEntries(faults.map(([fault]) => [fault, spoken(this.#matrix.get(fault) ?? new Map())])),
    };
  }
}

/** Faults and invariants as two tables in Markdown. */
export function matrixText({ faults, checks }: Report): string {
  const fault = Object.entries(faults).map(([name, { injected, worlds }]) => `| ${name} | ${injected} | ${worlds} |`);
  const check = Object.entries(checks).map(([name, looks]) => `| ${name} | ${looks} |`);
  return [
    ['| fault | injected | worlds |', '| --- | ---: | ---: |', ...fault].join('\n'),
    ['| invariant | looks |', '| --- | ---: |', ...check].join('\n'),
  ].join('\n\n');
}
