/** What a cluster's Rollouts and Releases are right now, as raw objects; kept current by a watch or by a script. */
export interface RolloutFeed {
  snapshot(): FeedSnapshot;
  /** Calls `changed` after anything changed, perhaps once for many changes. The returned function ends it. */
  onChange(changed: () => void): () => void;
}

export interface FeedSnapshot {
  rollouts: readonly unknown[];
  releases: readonly unknown[];
  /** True once everything was listed. */
  synced: boolean;
  /** Why the objects may be old, in words for people; undefined while the watch is well. */
  trouble?: string;
}
