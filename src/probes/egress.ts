import { BlockList, isIP } from 'node:net';

export interface EgressRule {
  /** The only addresses that may be connected to. */
  allowed: readonly string[];
  /** For pods that live on loopback, as in tests and in the sandbox. */
  allowLoopback: boolean;
}

type Family = 'ipv4' | 'ipv6';

const loopback = blockList([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);

// Even where a pod's status names one of these, a probe must not become a way to reach it.
const forbidden = blockList([
  ['0.0.0.0', 8, 'ipv4'], // "this host"
  ['169.254.0.0', 16, 'ipv4'], // link-local: metadata services of most clouds, node-local agents
  ['224.0.0.0', 4, 'ipv4'], // multicast
  ['240.0.0.0', 4, 'ipv4'], // reserved, broadcast
  ['100.100.100.200', 32, 'ipv4'], // metadata, Alibaba Cloud
  ['168.63.129.16', 32, 'ipv4'], // host agent, Azure
  ['192.0.0.192', 32, 'ipv4'], // metadata, Oracle Cloud
  ['::', 128, 'ipv6'],
  ['fe80::', 10, 'ipv6'], // link-local
  ['ff00::', 8, 'ipv6'], // multicast
  ['64:ff9b::', 96, 'ipv6'], // NAT64 (RFC 6052): hides an IPv4 address
  ['2002::', 16, 'ipv6'], // 6to4 (RFC 3056): likewise
  ['fd00:ec2::254', 128, 'ipv6'], // metadata, AWS
  ['fd20:ce::254', 128, 'ipv6'], // metadata, Google Cloud
]);

/**
 * Why a connection to this address is refused; undefined when it may be made. Only literal addresses pass, so there
 * is no name whose second resolution could differ from the one that was checked.
 */
export function refusal(ip: string, { allowed, allowLoopback }: EgressRule): string | undefined {
  const family = familyOf(ip);
  if (family === undefined) return `refused: ${JSON.stringify(ip)} is not an IP address`;
  if (forbidden.check(ip, family)) return `refused: ${ip} is link-local, metadata or not a unicast address`;
  if (!allowLoopback && loopback.check(ip, family)) return `refused: ${ip} is a loopback address`;
  // Both come from pod statuses: another spelling of the same address is refused, on the safe side.
  return allowed.includes(ip) ? undefined : `refused: ${ip} is no address of a pod of this release`;
}

/** Addresses with a zone are link-local by nature and are not told apart further. */
function familyOf(ip: string): Family | undefined {
  const version = ip.includes('%') ? 0 : isIP(ip);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

function blockList(subnets: readonly (readonly [string, number, Family])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix, family] of subnets) list.addSubnet(address, prefix, family);
  return list;
}
