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
  const stopControllers = runControllers(sandbox);
  return {
    kubelet,
    gateway,
    stop() {
      stopControllers();
      kubelet.stop();
      gateway.stop();
    },
  };
}

/** The controllers alone, for who brings nodes and a gateway of their own. */
export function runControllers(sandbox: Sandbox): () => void {
  const stops = [
    runGarbageCollector(sandbox),
    runNamespaceController(sandbox),
    runReplicaSets(sandbox),
    runEndpoints(sandbox),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
