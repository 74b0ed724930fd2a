import { runEndpoints } from './endpoint-controller.ts';
import { runGarbageCollector } from './garbage-collector.ts';
import { runNamespaceController } from './namespace-controller.ts';
import { runReplicaSets } from './replica-set-controller.ts';
import type { Sandbox } from './sandbox.ts';
import { runVirtualGateway, type VirtualGateway } from './virtual-gateway.ts';
import { runVirtualKubelet, type VirtualKubelet, type VirtualKubeletOptions } from './virtual-kubelet.ts';

/** What a cluster does by itself. */
export interface Cluster {
  kubelet: VirtualKubelet;
  gateway: VirtualGateway;
  stop(): void;
}

export function runCluster(sandbox: Sandbox, options: VirtualKubeletOptions = {}): Cluster {
  const kubelet = runVirtualKubelet(sandbox, options);
  const gateway = runVirtualGateway(sandbox);
  const stops = [
    runGarbageCollector(sandbox),
    runNamespaceController(sandbox),
    runReplicaSets(sandbox),
    runEndpoints(sandbox),
    kubelet.stop,
    gateway.stop,
  ];
  return {
    kubelet,
    gateway,
    stop() {
      for (const stop of stops) stop();
    },
  };
}
