import { readFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { connectLab, type LabCoordinates } from '../lab/connect.ts';
import { installHeadgate, startKubelet } from '../lab/install.ts';
import { startLab } from '../lab/lab.ts';
import { setUp } from '../lab/setup.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Coordinates of the lab that the whole run shares; `connectLab` gives them their methods. */
    lab: LabCoordinates;
  }
}

/**
 * Starts one lab for the whole end-to-end run, and stops it at the end.
 *
 * HEADGATE_LAB names the state file of a lab that `make lab-up` left running; that one is used and left alone.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const say = (line: string): void => console.error(`lab: ${line}`);
  const running = process.env['HEADGATE_LAB'];
  if (running !== undefined && running !== '') {
    project.provide('lab', await runningLab(running));
    return undefined;
  }
  await setUp(say);
  const { stop, ...lab } = await startLab({ say });
  // Through JSON, because vitest clones what it provides and functions do not survive that.
  const coordinates: LabCoordinates = JSON.parse(JSON.stringify(lab));
  project.provide('lab', coordinates);
  const leave = await populate(coordinates);
  return async () => {
    await leave();
    await stop();
  };
}

/** Headgate's kinds and rights, and the kubelet that every test's pods run on. */
async function populate(coordinates: LabCoordinates): Promise<() => Promise<void>> {
  const lab = connectLab(coordinates);
  await installHeadgate(lab);
  const kubelet = await startKubelet(lab);
  return async () => {
    kubelet.kill('SIGTERM');
  };
}

async function runningLab(file: string): Promise<LabCoordinates> {
  const lab = connectLab(JSON.parse(readFileSync(file, 'utf8')));
  const { status } = await lab.api({ path: '/readyz' });
  if (status !== 200) throw new Error(`HEADGATE_LAB=${file}: the lab's API server answers ${status}`);
  return JSON.parse(JSON.stringify(lab));
}
