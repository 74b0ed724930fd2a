import type { Lab } from '../../lab/connect.ts';

/** Applies manifests every five seconds, as a GitOps tool that trusts nobody does. */
export interface Applier {
  /** How often it has applied. */
  count(): number;
  stop(): Promise<void>;
}

const EVERY_MS = 5000;

export interface Way {
  args: readonly string[];
  manager: string;
}

/** Ways to apply, as kubectl spells them, with the field manager that the API server then writes down. */
export const serverSide: Way = {
  args: ['--server-side', '--force-conflicts', '--field-manager=gitops'],
  manager: 'gitops',
};
export const clientSide: Way = { args: [], manager: 'kubectl-client-side-apply' };

export function startApplier(lab: Lab, args: readonly string[], manifests: () => readonly object[]): Applier {
  let applied = 0;
  let going = true;
  let wake: () => void = () => undefined;
  const loop = async () => {
    while (going) {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests() });
      const { code, stderr } = await lab.kubectl(['apply', ...args, '-f', '-'], list);
      if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
      applied += 1;
      if (!going) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const over = loop();
  // Who waits for the count is told of a failure by its limit; who stops it, by the error itself.
  over.catch(() => undefined);
  return {
    count: () => applied,
    async stop() {
      going = false;
      wake();
      await over;
    },
  };
}
