import type { Change } from '#core/change.ts';
import { present, type Raw, record, text as written } from '#core/raw.ts';
import { clip } from './release-words.ts';
import { group, text } from './vocabulary.ts';

/** What a change is, in the annotations of the Rollout or of its pod template. */

const annotations = {
  commit: { key: 'headgate.dev/change-commit', max: 256, says: 'Commit' },
  author: { key: 'headgate.dev/change-author', max: 256, says: 'Author' },
  kind: { key: 'headgate.dev/change-kind', max: 63, says: 'human or agent' },
  url: { key: 'headgate.dev/change-url', max: 1024, says: 'Where it was discussed, http or https' },
  cause: { key: 'kubernetes.io/change-cause', max: 512, says: 'Why' },
} as const;

const words = Object.entries(annotations) as [keyof Change, { key: string; max: number; says: string }][];

const member = ({ key, max, says }: { key: string; max: number; says: string }) =>
  text({ max }).exactOptional().describe(`${says}, from ${key}.`);

/** Release.spec.change. */
export const change = group({
  commit: member(annotations.commit),
  author: member(annotations.author),
  kind: member(annotations.kind),
  url: member(annotations.url),
  cause: member(annotations.cause),
});

/**
 * Reads the annotations, cut to their bounds. Those of the template win: they belong to the revision, whereas those of
 * the Rollout may be left from the change before. `template` has those of the pods, wherever they are described.
 */
export function changeOf(rollout: unknown, template: Raw): Change {
  const own = record(rollout, 'metadata', 'annotations');
  const found = words.map(([word, { key, max }]) => {
    const value = written(template[key]) ?? written(own[key]);
    return [word, value === undefined || (word === 'url' && !isLink(value)) ? undefined : clip(value, max)];
  });
  return present<Change>(Object.fromEntries(found));
}

/** The page makes a link of it: anything but a web address would be run by the browser of whoever clicks. */
function isLink(value: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(value) && value.length <= annotations.url.max;
}
