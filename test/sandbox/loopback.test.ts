import { createServer } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddresses } from '#test/lab/kubelet/addresses.ts';
import { drawBlock, freePort } from '#test/lab/sandbox/loopback.ts';

test('every block is loopback, gives pods addresses, and never those of the node and of Prometheus', () => {
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(draw, draw, draw, (first, second, start) => {
      const draws = [first, second];
      const { cidr, node, prometheus } = drawBlock(() => draws.shift() ?? 0);
      const addresses = createAddresses(cidr, start);
      const taken = Array.from({ length: 700 }, () => addresses.take());
      expect(taken.every((address) => /^127\.(1[6-9]|[2-9]\d|1\d\d|2[0-3]\d)\./.test(address))).toBe(true);
      expect(taken).not.toContain(node);
      expect(taken).not.toContain(prometheus);
    }),
    { numRuns: 50 },
  );
});

test('a port that somebody has on all addresses is nobody else’s on one of them', async () => {
  // kills: the first port drawn is taken unseen
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '0.0.0.0', port: 0 }, resolve));
  const { port } = server.address() as { port: number };
  // What the kernel gave lies above the range: the first draw is turned into it. Those below it may be anybody's.
  const draws = [(port + 0.5 - 20_000) / 10_000, ...Array.from({ length: 20 }, (_, index) => 0.42 + index / 100)];
  const drawn = await freePort(() => draws.shift() ?? 0.5);
  expect([drawn < 30_000, drawn === port]).toEqual([true, false]);
  server.close();
});
