import { join } from 'node:path';
import { etcdUrl, type Layout, ports } from './layout.ts';
import type { ProcessSpec } from './processes.ts';

export function etcd({ place, tools }: Layout): ProcessSpec {
  return {
    name: 'etcd',
    argv: [
      tools.labplane,
      'etcd',
      `--data-dir=${join(place.dir, 'etcd')}`,
      `--listen-client-url=${etcdUrl(place)}`,
      `--listen-peer-url=http://127.0.0.1:${ports.etcdPeer}`,
    ],
  };
}

export function kubeApiServer({ place, tools, credentials }: Layout): ProcessSpec {
  return {
    name: 'kube-apiserver',
    argv: [
      tools.labplane,
      'kube-apiserver',
      `--etcd-servers=${etcdUrl(place)}`,
      `--bind-address=${place.address}`,
      // Named, because the server would look for a default route to find its own address, and there is none.
      `--advertise-address=${place.address}`,
      `--secure-port=${ports.apiServer}`,
      // The server makes a certificate for the address above and keeps it here: our CA file.
      `--cert-dir=${credentials.dir}`,
      `--token-auth-file=${credentials.tokensFile}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${credentials.signingKeyFile}`,
      `--service-account-key-file=${credentials.signingKeyFile}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      // Pods here are bookkeeping and mount nothing; with this plugin each would wait for its account and carry
      // a projected volume. ServiceAccounts and TokenRequest themselves work without it.
      '--disable-admission-plugins=ServiceAccount',
      // An aggregated API (a stub of metrics.k8s.io) is reached at its endpoint: no kube-proxy serves ClusterIPs.
      '--enable-aggregator-routing=true',
    ],
  };
}

/** Controllers that would fight the lab: it has one made-up Node, no cloud, no disks and no certificates to sign. */
const unwanted = [
  'node-lifecycle-controller', // marks the Node unreachable without a kubelet's lease, and its pods unready
  'node-ipam-controller',
  'device-taint-eviction-controller',
  'taint-eviction-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-attach-detach-controller',
  'persistentvolume-expander-controller',
  'certificatesigningrequest-signing-controller',
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-cleaner-controller',
  'ttl-controller',
] as const;

export function kubeControllerManager({ place, tools, credentials }: Layout): ProcessSpec {
  return {
    name: 'kube-controller-manager',
    argv: [
      tools.labplane,
      'kube-controller-manager',
      `--kubeconfig=${join(place.dir, 'admin.kubeconfig')}`,
      `--controllers=${['*', ...unwanted.map((name) => `-${name}`)].join(',')}`,
      // One instance only: an election would add seconds to each start and to each restart after a kill.
      '--leader-elect=false',
      // Serves nothing: the lab waits for what the controllers do, and a certificate costs start time.
      '--secure-port=0',
      `--root-ca-file=${credentials.caFile}`,
      `--service-account-private-key-file=${credentials.signingKeyFile}`,
      // The default of 15 s is longer than most releases here.
      '--horizontal-pod-autoscaler-sync-period=2s',
      '--horizontal-pod-autoscaler-cpu-initialization-period=0s',
      '--horizontal-pod-autoscaler-initial-readiness-delay=0s',
      // The defaults (20 and 30 a second) would make a hundred pods of parallel tests wait for each other.
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ],
  };
}
