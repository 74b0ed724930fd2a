/**
 * Starts a lab, writes its coordinates to the file that the first argument names, and keeps it until SIGTERM.
 *
 * The lab of `make lab-up` lives in such a process: started detached by up.ts, ended by down.ts.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connectLab } from './connect.ts';
import { installHeadgate, startKubelet } from './install.ts';
import { startLab } from './lab.ts';

const [, , file] = process.argv;
if (file === undefined) throw new Error('usage: node hold.ts FILE (where to write the coordinates of the lab)');
const { stop, ...lab } = await startLab({ say: (line) => console.log(line) });
await installHeadgate(connectLab(lab));
await startKubelet(connectLab(lab));
const end = async (): Promise<void> => {
  rmSync(file, { force: true });
  await stop();
  process.exit(0);
};
process.once('SIGTERM', () => void end());
process.once('SIGINT', () => void end());
// Renamed into place: it is read as soon as it exists.
writeFileSync(`${file}.part`, JSON.stringify({ ...lab, holderPid: process.pid }, null, 2), { mode: 0o600 });
renameSync(`${file}.part`, file);
// Nothing of the lab keeps this process alive by itself.
setInterval(() => {}, 2 ** 30);
