/** What a change is and whose, as the annotations of the Rollout or of its pod template say. */
export interface Change {
  commit?: string;
  author?: string;
  /** `human` or `agent`. */
  kind?: string;
  url?: string;
  cause?: string;
}

const COMMIT_SHOWN = 12;

/** One line for people: whose it is, which commit, why. Undefined when nothing is known. */
export function changeWords({ commit, author, kind, url, cause }: Change): string | undefined {
  const who = author === undefined ? kind : kind === undefined || kind === 'human' ? author : `${author} (${kind})`;
  const which = commit?.slice(0, COMMIT_SHOWN);
  const words = [who, which, cause, url].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(', ');
}
