import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Layout, ports } from './layout.ts';
import type { Place } from './network.ts';
import type { ProcessSpec } from './processes.ts';

/**
 * Tells Prometheus of the pods: Debian builds it without Kubernetes discovery. Same label names as the real one,
 * so that the relabelling below is what a cluster would have.
 */
export function podTargets({ place, tools }: Layout): ProcessSpec {
  const out = targetsFile(place);
  mkdirSync(dirname(out), { recursive: true });
  const kubeconfig = join(place.dir, 'admin.kubeconfig');
  return { name: 'pod-targets', argv: [tools.labplane, 'pod-targets', `--kubeconfig=${kubeconfig}`, `--out=${out}`] };
}

/** In a folder of its own: Prometheus reads the file anew at every event in the folder. */
export function targetsFile({ dir }: Pick<Place, 'dir'>): string {
  return join(dir, 'discovery/pods.json');
}

/** Gateways that a test brings itself: where their `/stats/prometheus` is. */
export function gatewayTargetsFile({ dir }: Pick<Place, 'dir'>): string {
  return join(dir, 'gateways/targets.json');
}

/** Prometheus as most clusters run it, only quicker; its data outlives a stop, so an outage can be played. */
export function prometheus({ place, tools }: Layout): ProcessSpec {
  const { dir, address } = place;
  const traefik = { job_name: 'traefik', static_configs: [{ targets: [`${address}:${ports.traefik}`] }] };
  const gateways = gatewayTargetsFile(place);
  mkdirSync(dirname(gateways), { recursive: true });
  const others = { job_name: 'gateways', metrics_path: '/stats/prometheus', file_sd_configs: [{ files: [gateways] }] };
  const listen = `${address}:${ports.prometheus}`;
  return {
    name: 'prometheus',
    argv: prometheusArgv({ program: tools.prometheus, dir, listen, jobs: [traefik, others] }),
  };
}

export interface PrometheusSpec {
  readonly program: string;
  /** For its configuration and data; the pods stand in its `targetsFile`. */
  readonly dir: string;
  /** `address:port` */
  readonly listen: string;
  /** What is scraped beside the pods. */
  readonly jobs?: readonly object[];
}

/** Writes the configuration and says how to run it. */
export function prometheusArgv({ program, dir, listen, jobs = [] }: PrometheusSpec): string[] {
  const configFile = join(dir, 'prometheus.json');
  writeFileSync(configFile, JSON.stringify(prometheusConfig(targetsFile({ dir }), jobs), null, 2));
  return [
    program,
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(dir, 'prometheus')}`,
    `--web.listen-address=${listen}`,
    // Pods offer native histograms by protobuf.
    '--enable-feature=native-histograms',
    // Changed targets reach the scraper after at most this long; the default of 5 s would make every test
    // wait for its new pods. (Discovery itself batches changes for up to 5 s more and cannot be told not to.)
    '--scrape.discovery-reload-interval=1s',
  ];
}

/** A pod is scraped when it says so by the usual annotations. */
function prometheusConfig(targets: string, jobs: readonly object[]): object {
  const annotation = (name: string): string => `__meta_kubernetes_pod_annotation_prometheus_io_${name}`;
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      {
        job_name: 'pods',
        file_sd_configs: [{ files: [targets] }],
        relabel_configs: [
          { action: 'keep', source_labels: [annotation('scrape')], regex: 'true' },
          // A finished pod keeps its IP in its status while another process may have bound it.
          { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Succeeded|Failed' },
          { action: 'drop', source_labels: ['__meta_kubernetes_pod_container_init'], regex: 'true' },
          {
            source_labels: ['__meta_kubernetes_pod_ip', annotation('port')],
            separator: ':',
            target_label: '__address__',
          },
          { source_labels: [annotation('path')], regex: '(.+)', target_label: '__metrics_path__' },
          { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
          { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
          { source_labels: ['__meta_kubernetes_pod_container_name'], target_label: 'container' },
        ],
      },
      ...jobs,
    ],
  };
}
