import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { benchDecide } from './decide.ts';
import type { Figure } from './figures.ts';
import { benchGates } from './gates.ts';

/** `make bench`: measures, prints, and writes docs/benchmarks.md. Figures are of this machine and are asserted nowhere. */

const [load = 0] = loadavg();
const figures: Figure[] = [benchGates(), benchDecide()];
const row = ({ what, target, p50, cpu, worst, rounds }: Figure) =>
  `| ${what} | ${target} | ${p50.toFixed(1)} ms | ${cpu.toFixed(1)} ms | ${worst.toFixed(1)} ms | ${rounds} |`;
const [cpu] = cpus();
const text = `# Benchmarks

Written by \`make bench\` (\`node bench/main.ts\`), on one core of ${cpus().length} × ${cpu?.model ?? 'unknown'}, Node ${process.versions.node},
load average ${load.toFixed(1)} before it began.
Production code of \`src/\` on made-up data in memory: no API server, no Prometheus, no network. Figures are several
times as high when something else uses the machine; nothing tests them.

| what | target | median | of it computing | worst | rounds |
| --- | --- | --- | --- | --- | --- |
${figures.map(row).join('\n')}
`;
process.stdout.write(text);
const docs = new URL('../docs/benchmarks.md', import.meta.url);
// The tables of decisions/main.ts stand below, and stay.
const [decisions = ''] = /\n<!-- decisions:begin -->[\s\S]*/.exec(readFileSync(docs, 'utf8')) ?? [];
writeFileSync(docs, text + decisions);
