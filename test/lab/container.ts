/** What a program finds around it, as in a container. */
export interface Surroundings {
  /** An empty folder. */
  root: string;
  /** From a path of the machine to the path at which the program looks for it. */
  mounts: readonly (readonly [from: string, to: string])[];
  /** A network of its own, with a cable to a lab's; without it the program is in the network that starts it. */
  cable?: { netns: string; here: string; there: string };
}

/** What an image would bring: the machine's own libraries, names and devices. */
const machine = ['/lib', '/lib64', '/usr', '/etc', '/proc', '/dev'];

/** A command in surroundings of its own. Mounts, network and cable end with it. Needs root. */
export function contained({ root, mounts, cable }: Surroundings, argv: readonly string[]): string[] {
  const script = [
    'set -e',
    ...(cable === undefined ? [] : cableScript(cable)),
    `mount -t tmpfs tmpfs '${root}'`,
    `mkdir '${root}/tmp'`,
    ...machine.map((path) => `if [ -L ${path} ]; then cp -P ${path} '${root}/'; else ${bind(path, root + path)}; fi`),
    ...mounts.map(([from, to]) => bind(from, root + to)),
    `exec chroot '${root}' "$@"`,
  ];
  const own = ['--mount', '--propagation', 'private', ...(cable === undefined ? [] : ['--net'])];
  return ['unshare', ...own, 'sh', '-c', script.join('\n'), 'sh', ...argv];
}

/** A folder or a file that the machine lacks is left out. */
function bind(from: string, to: string): string {
  const target = `if [ -d '${from}' ]; then mkdir -p '${to}'; else mkdir -p "$(dirname '${to}')"; [ -e '${to}' ] || : >'${to}'; fi`;
  return `if [ -e '${from}' ]; then ${target}; mount --rbind '${from}' '${to}'; fi`;
}

function cableScript({ netns, here, there }: NonNullable<Surroundings['cable']>): string[] {
  return [
    'ip link set lo up',
    `ip link add eth0 type veth peer name contained netns '${netns}'`,
    `ip addr add ${here}/30 dev eth0`,
    'ip link set eth0 up',
    `ip -n '${netns}' addr add ${there}/30 dev contained`,
    `ip -n '${netns}' link set contained up`,
    `ip route add default via ${there}`,
  ];
}
