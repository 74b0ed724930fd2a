import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Lab } from '../connect.ts';
import { endChild, kubectl, startScript } from '../install.ts';
import { repoRoot } from '../tools.ts';

/** Port of the stand-in for metrics-server, at the lab's own address. */
const metricsPort = 10_251;
const NAME = 'lab-metrics';

export interface MetricsStub {
  /** What the pods of any selector use together, in thousandths of a core. */
  use(milliCores: number): void;
  end(): Promise<void>;
}

/** Starts it and registers `metrics.k8s.io` with the API server. One a lab. */
export async function startMetrics(lab: Lab): Promise<MetricsStub> {
  const { address, apiServer, caFile, keyFile, adminToken } = lab;
  const child: ChildProcess = await startScript(lab, join(repoRoot, 'test/lab/metrics/main.ts'), [
    ...['--listen', `${address}:${metricsPort}`, '--server', apiServer],
    ...['--ca', caFile, '--key', keyFile, '--token', adminToken],
  ]);
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: registration(address) });
  const { code, stderr } = await lab.kubectl(['apply', '--server-side', '-f', '-'], list);
  if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
  await kubectl(lab, 'wait', '--for=condition=Available', '--timeout=60s', 'apiservice', 'v1beta1.metrics.k8s.io');
  return {
    use: (milliCores) => void child.stdin?.write(`${milliCores}\n`),
    async end() {
      await lab.kubectl(['delete', 'apiservice', 'v1beta1.metrics.k8s.io', '--wait=false']);
      await endChild(child, 'SIGKILL');
    },
  };
}

/** The API server finds it by the EndpointSlice: nobody serves ClusterIPs here. */
function registration(address: string): object[] {
  const ports = [{ name: 'https', port: metricsPort, protocol: 'TCP' }];
  return [
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: NAME, namespace: 'default' } },
      spec: { ports: [{ name: 'https', port: 443, targetPort: metricsPort }] },
    },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', ports },
      metadata: { name: NAME, namespace: 'default', labels: { 'kubernetes.io/service-name': NAME } },
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
    {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1beta1.metrics.k8s.io' } },
      spec: {
        ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
        ...{ insecureSkipTLSVerify: true, service: { name: NAME, namespace: 'default', port: 443 } },
      },
    },
  ];
}
