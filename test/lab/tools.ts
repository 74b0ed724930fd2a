import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Versions of everything that the lab runs and does not build from this repository. */
export const versions = { kubernetes: 'v1.36.1', traefik: '3.7.13', envoy: '1.40.0' } as const;

export const repoRoot = join(import.meta.dirname, '../..');
export const cacheDir = join(repoRoot, '.cache/lab');
export const controlPlaneDir = join(import.meta.dirname, 'controlplane');
export const helmDir = join(import.meta.dirname, 'helm');
export const gitopsDir = join(import.meta.dirname, 'gitops');
export const envoyGatewayDir = join(import.meta.dirname, 'envoy-gateway');
export const kedaDir = join(import.meta.dirname, 'keda');

/** Paths of the programs and files that a lab starts from. */
export interface Tools {
  /** etcd, kube-apiserver, kube-controller-manager and kubectl, picked by the first argument. */
  readonly labplane: string;
  /** Folder with the Gateway API's CRDs, one JSON file each. */
  readonly crds: string;
  readonly traefik: string;
  readonly prometheus: string;
  /** For tests of their own: no lab runs it. */
  readonly envoy: string;
  /** For the chart's test alone. */
  readonly helm: string;
  /** Argo CD's Lua interpreter and Flux's kstatus, for the test of what these make of our objects. */
  readonly gitops: string;
}

export function controlPlaneBuildDir(): string {
  return buildDir('controlplane', controlPlaneDir);
}

export function helmBuildDir(): string {
  return buildDir('helm', helmDir);
}

export function gitopsBuildDir(): string {
  return buildDir('gitops', gitopsDir);
}

export function envoyGatewayBuildDir(): string {
  return buildDir('envoy-gateway', envoyGatewayDir);
}

export function kedaBuildDir(): string {
  return buildDir('keda', kedaDir);
}

/** The folder is named by the Go sources, so that a change builds anew and going back finds the old build. */
function buildDir(name: string, sources: string): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(sources).sort()) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(sources, file)))
      .update('\0');
  }
  return join(cacheDir, `${name}-${hash.digest('hex').slice(0, 16)}`);
}

export function traefikDir(): string {
  return join(cacheDir, `traefik-${versions.traefik}`);
}

export function envoyDir(): string {
  return join(cacheDir, `envoy-${versions.envoy}`);
}

export function toolPaths(): Tools {
  const build = controlPlaneBuildDir();
  return {
    labplane: join(build, 'labplane'),
    crds: join(build, 'crds'),
    traefik: join(traefikDir(), 'traefik'),
    prometheus: '/usr/bin/prometheus',
    envoy: join(envoyDir(), 'envoy'),
    helm: join(helmBuildDir(), 'helm'),
    gitops: join(gitopsBuildDir(), 'gitops'),
  };
}

/** Envoy Gateway and the folder with its CRDs, one JSON file each: for its own test, which `make long` alone plays. */
export function envoyGatewayPaths(): { program: string; crds: string } {
  const build = envoyGatewayBuildDir();
  return { program: join(build, 'envoy-gateway'), crds: join(build, 'crds') };
}

/** KEDA's operator and the folder with its CRDs, one JSON file each: for its own test, which `make long` alone plays. */
export function kedaPaths(): { program: string; crds: string } {
  const build = kedaBuildDir();
  return { program: join(build, 'keda-operator'), crds: join(build, 'crds') };
}

/** The tools, once all of them are there. */
export function findTools(): Tools {
  const tools = toolPaths();
  const missing = Object.values(tools).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`the lab lacks ${missing.join(', ')}: run \`make setup\` first`);
  return tools;
}
