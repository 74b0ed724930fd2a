import { join } from 'node:path';
import { installHeadgate, startKubelet } from '#test/lab/install.ts';
import { startLab } from '#test/lab/lab.ts';
import { setUp } from '#test/lab/setup.ts';
import { report, type Story } from './demo/report.ts';
import { follow } from './demo/screen.ts';
import { openShop, type Shop } from './demo/shop.ts';

/**
 * `make demo`: a real control plane, gateway and Prometheus come up; a good release is promoted and a bad one is
 * caught, while the terminal and the page show it. KEEP=1 leaves everything up.
 */

const keep = process.env['KEEP'] === '1';
const began = performance.now();
const say = (line: string) => process.stdout.write(`${stamp()}  ${line}\n`);

function stamp(): string {
  return `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
}

/** One release from the change of the image to its end, shown line by line. */
async function tell(shop: Shop, title: string, image: string): Promise<Story> {
  say('');
  say(`— ${title}: image ${image}`);
  const before = await shop.counts();
  const release = await follow(shop, image, say);
  const after = await shop.counts();
  return { title, image, release, before, after };
}

await setUp((line) => say(`setup: ${line}`));
const lab = await startLab({ say: (line) => say(`lab: ${line}`), keepDir: keep });
await installHeadgate(lab);
say('lab: Headgate’s kinds, rights and admission policy are in');
await startKubelet(lab);
const shop = await openShop(lab);
say(`ready: the first revision serves ${shop.rate} requests a second through the gateway, and as many in the cluster`);
say(`page:  ${shop.page}`);

const good = await tell(shop, 'a good release', 'lab/shop:v2-slowstop-3s');
const bad = await tell(shop, 'a bad release, 5 % of its answers are errors', 'lab/shop:v3-errors-5');
process.stdout.write(report([good, bad], await shop.counts()));

const asPromised = good.release.outcome === 'Promoted' && bad.release.reason === 'Worse';
if (!asPromised) process.exitCode = 1;
if (keep) {
  process.stdout.write(
    [
      '',
      'The cluster stays up until you press Ctrl-C. In another terminal:',
      `  export KUBECONFIG=${lab.kubeconfig} PATH=${lab.dir}/bin:${join(process.cwd(), 'node_modules/.bin')}:$PATH`,
      '  kubectl get rollouts,releases.headgate.dev -n shop',
      '  node src/cli/main.ts get checkout -n shop -w',
      `  the page: ${shop.page}`,
      '',
    ].join('\n'),
  );
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
}
await shop.close();
await lab.stop();
process.exit();
