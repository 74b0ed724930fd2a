import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '#ports/kube-api.ts';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { applyObject } from '#sandbox/apply-object.ts';
import { runCluster } from '#sandbox/cluster.ts';
import { createSandbox, type Sandbox } from '#sandbox/sandbox.ts';
import { serveSandbox } from '#sandbox/serve.ts';

/**
 * A small Kubernetes on loopback, until it is interrupted:
 * `node scripts/sandbox.ts [--port 8001] [--kubeconfig FILE] [objects.yaml …]`
 */

const { values, positionals } = parseArgs({
  options: { port: { type: 'string' }, kubeconfig: { type: 'string' } },
  allowPositionals: true,
});
const sandbox = createSandbox({ clock, random });
for (const file of positionals) await applyFile(sandbox, file);
const cluster = runCluster(sandbox);
const served = await serveSandbox(sandbox, { port: Number(values.port ?? 0) });
const file = values.kubeconfig ?? join(mkdtempSync(join(tmpdir(), 'headgate-sandbox-')), 'kubeconfig');
writeFileSync(file, served.kubeconfig, { mode: 0o600 });
console.log(JSON.stringify({ ready: true, url: served.url, kubeconfig: file }));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    cluster.stop();
    void served.close();
  });

async function applyFile(to: Sandbox, path: string): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
    const object = document.toJS() as KubeObject | null;
    if (object !== null) await applyObject(to, object);
  }
}
