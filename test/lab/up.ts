/** `make lab-up`: starts a lab that stays, and prints how to use it. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.ts';
import { holderLog, type StandingLab, standingLab, stateDir, stateFile } from './state.ts';
import { waitFor } from './wait.ts';

/** Longer than the lab's own bounds, so that its message is the one people read. */
const startLimitMs = 300_000;

async function holdNewLab(): Promise<StandingLab> {
  mkdirSync(stateDir, { recursive: true });
  rmSync(stateFile, { force: true });
  const log = openSync(holderLog, 'w');
  const script = join(import.meta.dirname, 'hold.ts');
  const holder = spawn(process.execPath, [script, stateFile], { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  holder.unref();
  const given = (): string | undefined =>
    holder.exitCode === null ? undefined : `it did not start:\n${readFileSync(holderLog, 'utf8')}`;
  return waitFor('the lab to start', async () => standingLab(), { withinMs: startLimitMs, given });
}

await setUp((line) => process.stderr.write(`lab: ${line}\n`));
const lab = standingLab() ?? (await holdNewLab());
process.stdout.write(
  [
    `export KUBECONFIG=${lab.kubeconfig}`,
    `export PATH=${lab.dir}/bin:$PATH   # its kubectl`,
    `export HEADGATE_LAB=${stateFile}   # end-to-end tests use this lab`,
    `# Prometheus ${lab.prometheusUrl}`,
    `# gateway    ${lab.gatewayUrl}`,
    `# API server ${lab.apiServer}`,
    `# inside     ip netns exec ${lab.netns} …`,
    '',
  ].join('\n'),
);
