import { playPart } from './players.ts';
import { plays } from './plays.ts';

/** One of the processes of `run.ts --jobs`: plays what it is sent, and ends with whoever sends. */

const [name = '', shrinks] = process.argv.slice(2);
const play = plays.get(name);
if (play === undefined) throw new Error(`there are no ${name} worlds`);
// A signal to the whole group ends the run in order: the parts under way are finished first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', async (part: { from: number; count: number }) => {
  process.send?.(await playPart(play, part, shrinks === 'true'));
});
