import { parseArgs } from 'node:util';
import { Counter, matrixText } from './count.ts';
import { failureOf, type Play, playSeed, replayLine } from './plan.ts';
import { plays } from './plays.ts';

/**
 * Plays worlds: `node test/sim/run.ts --worlds pure --from 0 --count 10000`. Of those that fail it prints the line that
 * plays one of them again, cut down to the mishaps that it takes: `--worlds stormy --seed 17 --keep 3,8` shows its timeline.
 * `--json` prints what was injected and looked at, for the pages that show it.
 */

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: 'pure' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '1000' },
    /** Ends after so many seconds, with what was played until then. */
    seconds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string' },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** `--no-shrink`: a failing world is named as it is. */
    shrink: { type: 'boolean', default: true },
    table: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

const play = plays.get(values.worlds);
const MOST_FAILURES = 5;
if (play === undefined) {
  console.error(`--worlds ${values.worlds}: there are ${[...plays.keys()].join(', ')}`);
  process.exit(2);
}
process.exit((await (values.seed === undefined ? many(play) : one(play, Number(values.seed)))) ? 0 : 1);

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

async function told(played: Play, seed: number, wrong: string): Promise<string> {
  return values.shrink ? await failureOf(played, seed, wrong) : `${replayLine(played, seed)}: ${wrong}`;
}

async function many(played: Play): Promise<boolean> {
  const counter = new Counter(played.name);
  const from = Number(values.from);
  const until = performance.now() + Number(values.seconds) * 1000;
  for (
    let seed = from;
    seed < from + Number(values.count) && performance.now() < until && counter.failures < MOST_FAILURES;
    seed += 1
  ) {
    const result = await playSeed(played, seed);
    counter.add(seed, result);
    if (result.wrong !== undefined) console.error(await told(played, seed, result.wrong));
  }
  const report = counter.report(process.cpuUsage().user / 1e6);
  if (values.json) console.log(JSON.stringify(report, undefined, 2));
  else if (values.table) console.log(matrixText(report));
  const { worlds, failed, cpuSeconds } = report;
  console.error(`${worlds} ${played.name} worlds, ${failed.length} failed, ${cpuSeconds.toFixed(0)} s of CPU`);
  return failed.length === 0;
}
