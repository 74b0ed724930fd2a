/** Pod addresses out of an IPv4 block, handed out in a circle so that none is used again soon. */

export interface Addresses {
  /** A free address. Throws when the block is used up. */
  take(): string;
  /** Marks one as used that a pod already has; false when it is not in the block or taken. */
  adopt(address: string): boolean;
  /** Gives one back; it comes round again only after all the others. */
  free(address: string): void;
}

/** The first 256 addresses are kept for what is no pod: the API server, the node, the gateway. */
const RESERVED = 256;

/** `start` in [0, 1) is where the circle begins, so that a restarted kubelet does not reuse what just left. */
export function createAddresses(cidr: string, start: number): Addresses {
  const { base, size } = parseCidr(cidr);
  const room = size - RESERVED - 1;
  const used = new Set<number>();
  let next = Math.floor(start * room);
  return {
    take() {
      if (used.size >= room) throw new Error(`all ${room} pod addresses of ${cidr} are in use`);
      while (used.has(next)) next = (next + 1) % room;
      const offset = next;
      used.add(offset);
      next = (next + 1) % room;
      return format(base + RESERVED + offset);
    },
    adopt(address) {
      const offset = parse(address) - base - RESERVED;
      if (!(offset >= 0 && offset < room) || used.has(offset)) return false;
      used.add(offset);
      return true;
    },
    free(address) {
      used.delete(parse(address) - base - RESERVED);
    },
  };
}

function parseCidr(cidr: string): { base: number; size: number } {
  const [address = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const base = parse(address);
  if (Number.isNaN(base) || !Number.isInteger(size) || size <= 2 * RESERVED || base % size !== 0) {
    throw new Error(`pod CIDR "${cidr}" is not an IPv4 block of at least /22 such as 10.99.0.0/16`);
  }
  return { base, size };
}

function parse(address: string): number {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part < 256))) return Number.NaN;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function format(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
