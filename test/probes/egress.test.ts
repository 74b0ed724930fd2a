import { expect, test } from 'vitest';
import { refusal } from '#probes/egress.ts';

// kills: leaving out a subnet, checking only the list of allowed addresses, checking only the forbidden ones
test.each([
  { ip: '10.1.2.3', because: 'an address of a pod', refused: undefined },
  { ip: 'fd00:10::7', because: 'pods have IPv6 too', refused: undefined },
  { ip: '10.1.2.4', because: 'somebody else', refused: 'no address of a pod', allowed: ['10.1.2.3'] },
  { ip: '169.254.169.254', because: 'metadata of most clouds', refused: 'link-local' },
  { ip: '169.254.20.10', because: 'node-local DNS', refused: 'link-local' },
  { ip: '::ffff:169.254.169.254', because: 'IPv4 inside IPv6', refused: 'link-local' },
  { ip: '::ffff:a9fe:a9fe', because: 'the same in hexadecimal', refused: 'link-local' },
  { ip: '64:ff9b::a9fe:a9fe', because: 'the same behind NAT64', refused: 'link-local' },
  { ip: 'fe80::1', because: 'IPv6 link-local', refused: 'link-local' },
  { ip: 'febf::1', because: 'the end of fe80::/10', refused: 'link-local' },
  { ip: 'fe80::1%eth0', because: 'a zone is link-local', refused: 'not an IP address' },
  { ip: 'fd00:ec2::254', because: 'metadata, AWS', refused: 'metadata' },
  { ip: '100.100.100.200', because: 'metadata, Alibaba Cloud', refused: 'metadata' },
  { ip: '168.63.129.16', because: 'host agent, Azure', refused: 'metadata' },
  { ip: '0.0.0.0', because: 'means this host to a socket', refused: 'not a unicast' },
  { ip: '::', because: 'likewise', refused: 'not a unicast' },
  { ip: '224.0.0.1', because: 'multicast', refused: 'not a unicast' },
  { ip: '127.0.0.1', because: 'the operator itself', refused: 'loopback' },
  { ip: '127.8.9.1', because: 'all of 127/8', refused: 'loopback' },
  { ip: '::1', because: 'loopback', refused: 'loopback' },
  { ip: '::ffff:127.0.0.1', because: 'loopback inside IPv6', refused: 'loopback' },
  { ip: 'localhost', because: 'names are never resolved', refused: 'not an IP address' },
  { ip: '2130706433', because: 'a number that old resolvers take for 127.0.0.1', refused: 'not an IP address' },
  { ip: '0x7f.1', because: 'likewise', refused: 'not an IP address' },
  { ip: '', because: 'a pod without an address', refused: 'not an IP address' },
])('$ip: $because', ({ ip, refused, allowed = [ip] }) => {
  const reason = refusal(ip, { allowed, allowLoopback: false });
  if (refused === undefined) expect(reason).toBeUndefined();
  else expect(reason).toContain(refused);
});

test('loopback is open to who asks for it, and nothing else is', () => {
  const rule = { allowed: ['127.0.0.1', '169.254.169.254'], allowLoopback: true };
  expect(refusal('127.0.0.1', rule)).toBeUndefined();
  expect(refusal('127.0.0.2', rule)).toContain('no address of a pod');
  expect(refusal('169.254.169.254', rule)).toContain('link-local');
});
