/** Keeps the lab of `make lab-up`: started detached by up.ts, ended by down.ts. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { startLab } from './lab.ts';
import { stateFile } from './state.ts';

const { stop, ...lab } = await startLab({ say: (line) => console.log(line) });
const end = async (): Promise<void> => {
  rmSync(stateFile, { force: true });
  await stop();
  process.exit(0);
};
process.once('SIGTERM', () => void end());
process.once('SIGINT', () => void end());
// Renamed into place: up.ts reads the file as soon as it exists.
writeFileSync(`${stateFile}.part`, JSON.stringify({ ...lab, holderPid: process.pid }, null, 2), { mode: 0o600 });
renameSync(`${stateFile}.part`, stateFile);
// Nothing of the lab keeps this process alive by itself.
setInterval(() => {}, 2 ** 30);
