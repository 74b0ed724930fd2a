import { run } from '#cli/program.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { fakeApi, fakeWorld } from '../fake.ts';

/** Types one command line in a world with these files and, in the cluster, these objectives. */
export async function type(
  words: readonly string[],
  {
    files = {},
    objectives = [],
    colour = false,
  }: { files?: Record<string, string>; objectives?: KubeObject[]; colour?: boolean } = {},
) {
  const { api } = fakeApi({ rollouts: [], releases: [], objectives });
  const { world, output } = fakeWorld(api, { files, colour });
  const code = await run(words, world);
  return { code, ...output };
}
