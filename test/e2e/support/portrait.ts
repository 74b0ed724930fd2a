import { QUARANTINE_LABEL, REVISION_LABEL } from '#core/labels.ts';
import type { Lab } from '../../lab/connect.ts';
import { canaryShare } from './journal.ts';
import type { App, RolloutObject } from './stage.ts';
import { arms } from './write-label.ts';

/**
 * What stands in the cluster after a release, with revisions called by name and without times and counts: two releases
 * that ended alike have equal portraits.
 */
export interface Portrait {
  phase: string | undefined;
  reason: string | undefined;
  stable: string;
  release: string;
  route: { canary: number; fenced: boolean; spec: string };
  services: Record<string, unknown>;
  sets: string[];
  pods: string[];
  record: { count: number; outcome: string | undefined; phase: string | undefined; weight: string | undefined };
}

interface Thing {
  metadata: {
    name: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: {
    replicas?: number;
    selector?: unknown;
    template?: { metadata: { labels: Record<string, string> }; spec: { containers: { image: string }[] } };
    containers?: { image: string }[];
  };
  status?: { outcome?: string; phase?: string; weight?: string };
}

/** `names` gives an image its name: `old` and `new`. */
export async function portraitOf(lab: Lab, app: App, names: Record<string, string>): Promise<Portrait> {
  const { namespace, name } = app.spec;
  const list = async (path: string): Promise<Thing[]> => {
    const { body } = await lab.api<{ items: Thing[] }>({ path: path.replace('*', `namespaces/${namespace}`) });
    return body.items;
  };
  const [rollout, routes, services, sets, pods, releases] = await Promise.all([
    app.rollout(),
    list('/apis/gateway.networking.k8s.io/v1/*/httproutes'),
    list('/api/v1/*/services'),
    list('/apis/apps/v1/*/replicasets'),
    list('/api/v1/*/pods'),
    list('/apis/headgate.dev/v1alpha1/*/releases'),
  ]);
  const route = routes.find(({ metadata }) => metadata.name === name);
  const number = rollout.status?.state?.releases ?? 0;
  const records = releases.filter(({ metadata }) => metadata.name === `${name}-${number}`);
  const { outcome, phase, weight } = records[0]?.status ?? {};
  const called = revisionNames(sets, names);
  return {
    phase: rollout.status?.phase,
    reason: rollout.status?.reason,
    stable: called(rollout.status?.state?.stable),
    release: releaseText(rollout),
    route: {
      canary: route === undefined ? 0 : canaryShare(route, name),
      fenced: route?.metadata.annotations?.['headgate.dev/fence'] !== undefined,
      // Whole, as text: at rest it is the user's own. Its host name alone differs between namespaces.
      spec: JSON.stringify(route?.spec).replaceAll(namespace, ''),
    },
    services: Object.fromEntries(services.map(({ metadata, spec }) => [metadata.name, spec.selector])),
    sets: sets.map((set) => `${called(revisionOf(set))} ${set.spec.replicas} ${templateArms(set)}`).sort(),
    pods: pods.map((pod) => podText(pod, names)).sort(),
    record: { count: records.length, outcome, phase, weight },
  };
}

function releaseText({ status }: RolloutObject): string {
  const { release, ended } = status?.state ?? {};
  if (release !== undefined) return `${release.ending?.kind ?? release.stage} ${release.ending?.cause ?? ''}`.trim();
  return ended?.outcome ?? 'none';
}

function revisionOf({ metadata }: Thing): string | undefined {
  return metadata.labels?.[REVISION_LABEL];
}

function revisionNames(sets: Thing[], names: Record<string, string>): (revision: string | undefined) => string {
  return (revision) => {
    const set = sets.find((candidate) => revisionOf(candidate) === revision);
    const image = set?.spec.template?.spec.containers[0]?.image ?? '';
    return names[image] ?? (image || 'gone');
  };
}

function templateArms({ spec }: Thing): string {
  return arms(spec.template?.metadata.labels);
}

function podText({ metadata, spec }: Thing, names: Record<string, string>): string {
  const image = spec.containers?.[0]?.image ?? '';
  const state = metadata.deletionTimestamp === undefined ? '' : ' terminating';
  const kept = metadata.labels?.[QUARANTINE_LABEL] === undefined ? '' : ' quarantined';
  return `${names[image] ?? image} ${arms(metadata.labels)}${kept}${state}`;
}
