/** Addresses and ports on loopback that nobody else has: all of 127.0.0.0/8 is local on Linux, without root. */

import { createServer } from 'node:net';
import type { Random } from '#ports/random.ts';

export interface Block {
  /** For pods; the first 256 addresses are never theirs. */
  cidr: string;
  /** The made-up node. */
  node: string;
  /** For Prometheus, whose port must outlive a restart. */
  prometheus: string;
}

/** One of 57,344 blocks, so that two clusters of one machine hardly ever meet; 127.0.x is left alone. */
export function drawBlock(random: Random): Block {
  const second = 16 + Math.floor(random() * 224);
  const third = 4 * Math.floor(random() * 64);
  const first = `127.${second}.${third}`;
  return { cidr: `${first}.0/22`, node: `${first}.1`, prometheus: `${first}.2` };
}

/** Below the range that the kernel takes ports of outgoing connections from. */
const LOWEST = 20_000;
const COUNT = 10_000;
const TRIES = 50;

/** A port that is free on every address: who listens on all of them has it on each of 127.0.0.0/8 too. */
export async function freePort(random: Random): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = LOWEST + Math.floor(random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports from ${LOWEST} to ${LOWEST + COUNT} is free: close what listens there`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host: '0.0.0.0', port }, () => server.close(() => resolve(true)));
  });
}
