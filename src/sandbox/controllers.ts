import { runGarbageCollector } from './garbage-collector.ts';
import { runNamespaceController } from './namespace-controller.ts';
import type { Sandbox } from './sandbox.ts';

/** What a cluster does by itself. The returned function stops it. */
export function runControllers(sandbox: Sandbox): () => void {
  const stops = [runGarbageCollector(sandbox), runNamespaceController(sandbox)];
  return () => {
    for (const stop of stops) stop();
  };
}
