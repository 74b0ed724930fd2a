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
  // What the kernel gave lies above the range: the draws are turned into it and then into one below it.
  const draws = [(port - 20_000) / 10_000, 0.42];
  expect(await freePort(() => draws.shift() ?? 0.5)).toBe(24_200);
  server.close();
});
