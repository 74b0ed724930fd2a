import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Report } from '../../scripts/simulations.ts';
import { matrixText } from './count.ts';
import { mergeKinds, mergeReports } from './merge.ts';
import { type Play, playSeed } from './plan.ts';
import { type Part, playerBeside, playerHere, share } from './players.ts';
import { plays } from './plays.ts';

/**
 * Plays worlds: `node test/sim/run.ts --worlds pure --from 0 --count 10000 --jobs 2`. Of those that fail it prints the line
 * that plays one of them again, cut down to the mishaps that it takes: `--worlds stormy --seed 17 --keep 3,8` shows its
 * timeline. `--json` prints what was injected and looked at, for the pages that show it.
 *
 * A long run may be played in parts: what ends early, by `--seconds` or a signal, says where the next part begins, and
 * `--merge a.json b.json` makes one report of the parts of one commit, as test/reliability/simulations.json keeps it.
 */

const { values, positionals } = parseArgs({
  options: {
    worlds: { type: 'string', default: 'pure' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '1000' },
    /** Ends after so many seconds, with what was played until then. */
    seconds: { type: 'string', default: 'Infinity' },
    /** Processes that share the seeds. */
    jobs: { type: 'string', default: '1' },
    /** Ends once so many worlds have failed. */
    failures: { type: 'string', default: '5' },
    seed: { type: 'string' },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** `--no-shrink`: a failing world is named as it is. */
    shrink: { type: 'boolean', default: true },
    table: { type: 'boolean', default: false },
    merge: { type: 'boolean', default: false },
  },
  allowNegative: true,
  allowPositionals: true,
});

/** Worlds that are played between two looks at the clock. */
const PART = 20;

if (values.merge) {
  console.log(JSON.stringify(mergeKinds(positionals.flatMap(reportsOf)), undefined, 2));
  process.exit();
}
const play = plays.get(values.worlds);
if (play === undefined) {
  console.error(`--worlds ${values.worlds}: there are ${[...plays.keys()].join(', ')}`);
  process.exit(2);
}
process.exit((await (values.seed === undefined ? many(play) : one(play, Number(values.seed)))) ? 0 : 1);

/** A file holds what `--json` printed, or `--merge`. */
function reportsOf(path: string): Report[] {
  const read: Report | Report[] = JSON.parse(readFileSync(path, 'utf8'));
  return [read].flat();
}

async function one(played: Play, seed: number): Promise<boolean> {
  const { keep } = values;
  const kept = keep === undefined ? undefined : keep === 'none' ? [] : keep.split(',').map(Number);
  const plan = played.planOf(seed).filter(({ index }) => kept?.includes(index) ?? true);
  for (const { index, at, what } of plan) console.log(`mishap ${index} at ${at}: ${what}`);
  const { wrong, timeline } = await playSeed(played, seed, kept);
  console.log(timeline.join('\n'));
  console.log(wrong ?? 'all is well');
  return wrong === undefined;
}

async function many(played: Play): Promise<boolean> {
  const from = Number(values.from);
  const end = from + Number(values.count);
  let next = from;
  let until = performance.now() + Number(values.seconds) * 1000;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (until = 0));
  let failures = 0;
  const nextPart = (): Part | undefined => {
    if (next >= end || performance.now() >= until || failures >= Number(values.failures)) return undefined;
    const part = { from: next, count: Math.min(PART, end - next) };
    next += part.count;
    return part;
  };
  let all: Report | undefined;
  const jobs = Math.max(1, Number(values.jobs));
  const players =
    jobs === 1
      ? [playerHere(played, values.shrink)]
      : Array.from({ length: jobs }, () => playerBeside(played, values.shrink));
  const whole = await share(players, nextPart, (report) => {
    failures += report.failed.length;
    all = all === undefined ? report : mergeReports([all, report]);
  });
  if (all !== undefined) tell(played, { ...all, commit: commitOf() });
  if (next < end) console.error(`to go on: --from ${next} --count ${end - next}`);
  return whole && failures === 0;
}

function tell({ name }: Play, report: Report): void {
  if (values.json) console.log(JSON.stringify(report, undefined, 2));
  else if (values.table) console.log(matrixText(report));
  const { worlds, failed, cpuSeconds } = report;
  console.error(`${worlds} ${name} worlds, ${failed.length} failed, ${cpuSeconds.toFixed(0)} s of CPU`);
}

/** What was played; with `-dirty` where it is not all committed. */
function commitOf(): string {
  return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=7', '--exclude=*'], {
    encoding: 'utf8',
  }).trim();
}
