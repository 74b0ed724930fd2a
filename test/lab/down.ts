/** `make lab-down`: ends the lab of `make lab-up`. */
import { existsSync } from 'node:fs';
import { standingLab } from './state.ts';
import { waitFor } from './wait.ts';

const lab = standingLab();
if (lab === undefined) {
  process.stderr.write('lab: none is up\n');
} else {
  process.kill(lab.holderPid, 'SIGTERM');
  await waitFor(`lab ${lab.id} to end`, async () => (existsSync(lab.dir) ? undefined : true));
  process.stderr.write(`lab: ${lab.id} is down\n`);
}
