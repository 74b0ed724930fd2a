import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from './run.ts';

/** One folder per lab, named by its number. Fixed, not TMPDIR: labs of all sessions must see each other to sweep. */
const labsDir = '/tmp/hglab';

/** 10.98.0.0/16 in subnets of four addresses: network, host, lab, broadcast. */
const subnets = 2 ** 14;

/** A folder without an owner this old belongs to a process that died between two lines of `reserve`. */
const orphanAgeMs = 60_000;

/** Where a lab lives: its folder and the two ends of the cable between it and the host. */
export interface Place {
  readonly id: string;
  readonly dir: string;
  readonly netns: string;
  /** Address of the host as seen from inside: what a proxy in the test process listens on. */
  readonly hostAddress: string;
  /** Address of everything inside, as seen from the host and from inside alike. */
  readonly address: string;
}

/** Takes a free number. The folder is made atomically, so two labs that start at once never share one. */
export function reserve(): Place {
  mkdirSync(labsDir, { recursive: true });
  const start = process.pid % subnets;
  for (let step = 0; step < subnets; step++) {
    const number = (start + step) % subnets;
    const place = placeOf(String(number));
    try {
      mkdirSync(place.dir, { mode: 0o700 });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw error;
    }
    writeFileSync(join(place.dir, 'owner.json'), JSON.stringify({ pid: process.pid, born: birthOf(process.pid) }));
    return place;
  }
  throw new Error(`every one of the ${subnets} lab numbers is taken: remove old folders from ${labsDir}`);
}

function placeOf(id: string): Place {
  const first = Number(id) * 4;
  const subnet = `10.98.${Math.floor(first / 256)}`;
  return {
    id,
    dir: join(labsDir, id),
    netns: `hglab-${id}`,
    hostAddress: `${subnet}.${(first % 256) + 1}`,
    address: `${subnet}.${(first % 256) + 2}`,
  };
}

/** Makes the lab's own network: no port inside can clash with the host's or another lab's. */
export async function createNetwork({ id, netns, hostAddress, address }: Place): Promise<void> {
  const cable = `hglab${id}`;
  await must(['ip', 'netns', 'add', netns]);
  await must(['ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
  await must(['ip', 'addr', 'add', `${hostAddress}/30`, 'dev', cable]);
  await must(['ip', 'link', 'set', cable, 'up']);
  const inside = (...args: string[]): Promise<string> => must(['ip', '-n', netns, ...args]);
  await inside('link', 'set', 'lo', 'up');
  await inside('addr', 'add', `${address}/30`, 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'up');
  // Every pod address is local without being configured, so a pod is a process that binds its own IP.
  await inside('route', 'add', 'local', '10.99.0.0/16', 'dev', 'lo');
  // Load at thousands of short connections a second between few addresses would run out of ports in TIME_WAIT.
  await must(['ip', 'netns', 'exec', netns, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse']);
}

/**
 * Shell lines that end everything inside a namespace and remove it; the cable goes with it.
 *
 * A loop, because a process may fork between the listing and the kill.
 */
export function removalScript(netns: string): string {
  return [
    `while pids=$(ip netns pids ${netns} 2>/dev/null) && [ -n "$pids" ]; do kill -9 $pids 2>/dev/null; sleep 0.05; done`,
    `ip netns del ${netns} 2>/dev/null`,
  ].join('\n');
}

/** Removes labs whose owner is gone: a killed watchdog or a reset machine leaves them behind. */
export async function sweep(): Promise<void> {
  mkdirSync(labsDir, { recursive: true });
  for (const id of readdirSync(labsDir)) {
    const place = placeOf(id);
    if (ownerLives(place)) continue;
    await run(['sh', '-c', removalScript(place.netns)]);
    rmSync(place.dir, { recursive: true, force: true });
  }
}

function ownerLives({ dir }: Place): boolean {
  try {
    const owner: { pid: number; born: string } = JSON.parse(readFileSync(join(dir, 'owner.json'), 'utf8'));
    return birthOf(owner.pid) === owner.born;
  } catch {
    return Date.now() - statSync(dir).mtimeMs < orphanAgeMs;
  }
}

/** When a process started, in clock ticks since boot; with the pid it names one process even after the pid is reused. */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in brackets and may hold spaces: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
