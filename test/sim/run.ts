import { parseArgs } from 'node:util';
import { fair, playWorld, stormy } from './play.ts';

/** Plays many worlds and prints those that fail as they do: `node test/sim/run.ts --script stormy --from 0 --count 300`. */

const { values } = parseArgs({
  options: {
    script: { type: 'string', default: 'stormy' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '300' },
    story: { type: 'boolean', default: false },
    progress: { type: 'boolean', default: false },
  },
});
const [name, script] = values.script === 'fair' ? ['fair worlds', fair] : ['stormy worlds', stormy];
const from = Number(values.from);
let failed = 0;
for (let seed = from; seed < from + Number(values.count); seed += 1) {
  const wrong = await playWorld(seed, script);
  if (values.progress) process.stderr.write(`${seed} `);
  if (wrong === undefined) continue;
  failed += 1;
  const [what, ...story] = wrong;
  console.log(`SIM_SEED=${seed} npx vitest run --project unit test/sim -t '${name}': ${what}`);
  if (values.story) console.log(story.join('\n'));
}
console.log(`${values.count} ${name}, ${failed} failed, ${(process.cpuUsage().user / 1e6).toFixed(0)} s of CPU`);
process.exit(failed === 0 ? 0 : 1);
