import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ground } from './ground.ts';
import { follow } from './screen.ts';
import { CLI, type Shop } from './shop.ts';

/** The rest of the demo: it stays up, always with a canary to play with, and says three things to try. */

/** How long the end of a release is left to be looked at before the next one begins. */
const BETWEEN_MS = 15_000;

export const STEPS = [
  { weight: 5, hold: '3s' },
  { weight: 20, hold: '3s', pause: {} },
  { weight: 50, hold: '3s' },
];

export async function stay(
  { ground, shop, say }: { ground: Ground; shop: Shop; say: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  process.stdout.write(threeThings(ground, shop));
  for (let version = 4; !signal.aborted; version += 1) {
    const image = `lab/shop:v${version}-slowstop-3s`;
    say(`— a release that stops at 20 % and waits for you: image ${image}`);
    const { outcome, reason } = await follow(
      shop,
      { image, steps: STEPS },
      { say, signal, limitMs: Number.POSITIVE_INFINITY },
    );
    say(`it has ended: ${outcome ?? reason ?? ''}; the next one begins in ${BETWEEN_MS / 1000} s`);
    await delay(BETWEEN_MS, undefined, { signal });
  }
}

export function threeThings(ground: Ground, shop: Shop): string {
  const headgate = script(ground, 'kubectl-headgate', `exec '${process.execPath}' '${CLI}' "$@"`);
  const fault = { namespace: 'shop', labels: { 'headgate.dev/canary': 'true' }, behaviour: 'errors-50' };
  const post = `fetch('${ground.kubeletUrl}/fault', { method: 'POST', body: '${JSON.stringify(fault)}' })`;
  const shown = `${post}.then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
  const breaks = script(ground, 'break-canary', `exec '${process.execPath}' - <<'END'\n${shown}\nEND`);
  return [
    '',
    'Everything stays up until you press Ctrl-C, and every release from here on stops at 20 % and waits for you.',
    `Open the page:  ${shop.page}`,
    'Three things to try in another terminal, while a release waits:',
    '',
    '  1. promote by hand: it goes on to 50 %, and to all traffic',
    `     ${headgate} promote checkout -n shop`,
    '  2. break the canary: half of its answers become errors, and it is back at 0 within seconds',
    `     ${breaks}`,
    '  3. stop Prometheus, then promote: your word raises it to 50 %, and there it stays, for silence is no evidence',
    `     kill -STOP ${ground.prometheusPid}`,
    `     kill -CONT ${ground.prometheusPid}`,
    '',
    `To look: ${headgate} get checkout -n shop`,
    `Or with kubectl: export KUBECONFIG=${ground.kubeconfig} PATH=${binOf(ground)}:$PATH`,
    '',
    '',
  ].join('\n');
}

/** A command that needs nothing set. */
function script(ground: Ground, name: string, body: string): string {
  const bin = binOf(ground);
  mkdirSync(bin, { recursive: true });
  const file = join(bin, name);
  writeFileSync(file, `#!/bin/sh\nexport KUBECONFIG='${ground.kubeconfig}'\n${body}\n`, { mode: 0o755 });
  return file;
}

/** Where the lab has its kubectl, and kubectl finds its plugins. */
const binOf = ({ dir }: Ground): string => join(dir, 'bin');
