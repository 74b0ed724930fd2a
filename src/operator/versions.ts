import { CUSTOM_RESOURCE_DEFINITION } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';

/** The oldest versions that Headgate works with. What is newer is not asked. */
export const LEAST = {
  /** ValidatingAdmissionPolicy: without it anybody could act in another's name. */
  kubernetes: '1.30',
  /** GRPCRoute v1, and HTTPRoute v1 with it. */
  gatewayApi: '1.1',
} as const;

/** Annotation of the Gateway API on its CRDs. */
const BUNDLE = 'gateway.networking.k8s.io/bundle-version';
const ROUTES = 'httproutes.gateway.networking.k8s.io';

/** Something that is older than it may be. */
export interface TooOld {
  what: 'Kubernetes' | 'Gateway API';
  message: string;
}

/** Versions as they were read; what could not be read is left out. */
export interface Versions {
  /** `gitVersion` of the API server, e.g. `v1.30.2-gke.100`. */
  kubernetes?: string;
  /** Undefined too where there is no Gateway API at all: then releases go by pods. */
  gatewayApi?: string;
}

/** Judges what was read. Unknown is not too old: a distribution may write its version as it likes. */
export function judgeVersions({ kubernetes, gatewayApi }: Versions): TooOld[] {
  const found: TooOld[] = [];
  if (isOlder(kubernetes, LEAST.kubernetes))
    found.push({
      what: 'Kubernetes',
      message: `Kubernetes ${kubernetes} is older than ${LEAST.kubernetes}, the oldest that Headgate works with: upgrade the cluster`,
    });
  if (isOlder(gatewayApi, LEAST.gatewayApi))
    found.push({
      what: 'Gateway API',
      message: `the Gateway API's CRDs are of ${gatewayApi}, older than ${LEAST.gatewayApi}, the oldest that Headgate works with: install newer ones`,
    });
  return found;
}

function isOlder(version: string | undefined, least: string): boolean {
  const [has, wants] = [partsOf(version), partsOf(least)];
  if (has === undefined || wants === undefined) return false;
  return has.major < wants.major || (has.major === wants.major && has.minor < wants.minor);
}

function partsOf(version: string | undefined): { major: number; minor: number } | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

export interface VersionCheck {
  /** Empty until somebody has looked, and where all is well. */
  tooOld(): readonly TooOld[];
  /** Reads the versions, once a start. What cannot be read is no reason not to work. */
  look(): Promise<void>;
}

/**
 * Too old an API server fails static: what runs is watched and taken back as ever, no release begins, and everybody who
 * looks is told why.
 */
export function createVersionCheck(deps: {
  api: Pick<KubeApi, 'get'>;
  /** `gitVersion` of `/version`. */
  serverVersion(): Promise<string | undefined>;
  log: Log;
  changed(): void;
}): VersionCheck {
  const { log } = deps;
  let found: TooOld[] = [];
  const read = (ask: Promise<string | undefined>) =>
    ask.catch((error: unknown) => {
      if (!hasCode(error, 'KUBE_NOT_FOUND')) log.warn('a version could not be read', { error: String(error) });
      return undefined;
    });
  return {
    tooOld: () => found,
    async look() {
      const [kubernetes, gatewayApi] = await Promise.all([read(deps.serverVersion()), read(bundleVersion(deps.api))]);
      found = judgeVersions({
        ...(kubernetes === undefined ? {} : { kubernetes }),
        ...(gatewayApi === undefined ? {} : { gatewayApi }),
      });
      log.info('versions', { kubernetes, gatewayApi });
      for (const { message } of found) log.error('too old: no release begins', { message });
      if (found.length > 0) deps.changed();
    },
  };
}

async function bundleVersion(api: Pick<KubeApi, 'get'>): Promise<string | undefined> {
  const { metadata } = await api.get({ resource: CUSTOM_RESOURCE_DEFINITION, name: ROUTES });
  return metadata.annotations?.[BUNDLE];
}
