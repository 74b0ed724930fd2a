import type { RolloutFeed } from '#http/feed.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';

/** All that a command touches outside itself, so that a test can be its terminal and its cluster. */
export interface World {
  out: Terminal;
  /** Errors and progress: what must not mix with output that a script reads. */
  err: (text: string) => void;
  /** Errors and progress may have colours. */
  errColour?: boolean;
  /** The text of a file, or of standard input for `-`. What cannot be read is a CliError that names it. */
  read(name: string): Promise<string>;
  clock: Clock;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
  connect(flags: ClusterFlags): Promise<Cluster>;
  serve(options: { feed: RolloutFeed; port: number }): Promise<{ url: string; close(): Promise<void> }>;
}

export interface Terminal {
  write(text: string): void;
  /** A person looks at it, and it can be redrawn. */
  tty: boolean;
  colour: boolean;
  /** Undefined: no limit. */
  columns?: number;
  rows?: number;
}

export interface ClusterFlags {
  kubeconfig?: string;
  context?: string;
}

export interface Cluster {
  api: KubeApi;
  /** Namespace of the current context. */
  namespace: string;
  /** Watches Rollouts and Releases of one namespace, or of all. */
  feed(namespace: string | undefined): Promise<ClusterFeed>;
  close(): Promise<void>;
}

export interface ClusterFeed extends RolloutFeed {
  /** Resolves once everything was listed. */
  ready: Promise<void>;
  close(): Promise<void>;
}
