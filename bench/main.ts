import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { benchDecide } from './decide.ts';
import type { Figure } from './figures.ts';
import { benchGates } from './gates.ts';
import { benchQueries } from './queries.ts';

/** `make bench`: measures, prints, and writes docs/benchmarks.md. Figures are of this machine and are asserted nowhere. */

const [load = 0] = loadavg();
const engine = benchGates();
const figures: Figure[] = [engine, benchDecide()];
const { single, ...tick } = await benchQueries();
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

A release of ten gates computes ${engine.perRelease.toFixed(2)} ms a tick (target < 1 ms). One gate stores ${engine.bytes} bytes after
${engine.rounds} ticks, so ten store ${((10 * engine.bytes) / 1024).toFixed(1)} KiB (target of the study 4 KiB; bound of the design 10 KiB).

## Queries

The gates of 1,000 releases, three each (events, a latency histogram of twelve buckets, orders per session), five pods a
release, read over real HTTP from a server in another process that makes up the answers (\`bench/queries.ts\`). *Together*
is the production engine and planner, the median of five ticks; *alone* sends what each gate asks by itself, measured
on 50 releases and multiplied. Wall times include the server's work on the same two cores.

| one tick | target | together | alone |
| --- | --- | --- | --- |
| queries | ≤ 12 | ${tick.queries} | ${single.queries.toLocaleString('en')} |
| answers, decompressed | ≤ 20 MB | ${(tick.bytes / 1e6).toFixed(1)} MB | ${(single.bytes / 1e6).toFixed(1)} MB |
| from the tick to the last verdict | – | ${tick.seconds.toFixed(1)} s | ${single.seconds.toFixed(0)} s |
| of it computing: decode, share out, count, judge | – | ${tick.cpuSeconds.toFixed(1)} s | – |
| longest turn of the event loop, computing | – | ${tick.worstBlockMs.toFixed(0)} ms | – |
| heap per gate, evidence included | – | ${(tick.bytesPerGate / 1024).toFixed(1)} KiB | – |
`;
process.stdout.write(text);
const docs = new URL('../docs/benchmarks.md', import.meta.url);
// The tables of decisions/main.ts stand below, and stay.
const [decisions = ''] = /\n<!-- decisions:begin -->[\s\S]*/.exec(readFileSync(docs, 'utf8')) ?? [];
writeFileSync(docs, text + decisions);
