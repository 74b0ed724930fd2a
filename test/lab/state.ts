import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabCoordinates } from './connect.ts';
import { repoRoot } from './tools.ts';

/** The one lab of `make lab-up`, by which `make lab-down` and HEADGATE_LAB find it. */
export const stateDir = join(repoRoot, '.lab');
export const stateFile = join(stateDir, 'lab.json');
export const holderLog = join(stateDir, 'lab.log');

/** A lab that stays, and the process (hold.ts) that keeps it. */
export interface StandingLab extends LabCoordinates {
  readonly holderPid: number;
}

/** The standing lab, unless there is none or its holder is gone. */
export function standingLab(): StandingLab | undefined {
  try {
    const lab: StandingLab = JSON.parse(readFileSync(stateFile, 'utf8'));
    // The command line is looked at too: after a reboot the number may be somebody else's.
    return readFileSync(`/proc/${lab.holderPid}/cmdline`, 'utf8').includes('hold.ts') ? lab : undefined;
  } catch {
    return undefined;
  }
}
