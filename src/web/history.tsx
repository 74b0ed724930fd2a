import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { printCount, printDuration, printShare } from '#core/figures.ts';
import type { ReleaseView } from '#core/view-release.ts';
import type { RolloutView } from '#core/view-words.ts';
import { call } from './live.ts';
import { Ago, Chip, type Tone } from './parts.tsx';

const past = signal<readonly ReleaseView[]>([]);

const outcomes: Record<string, { tone: Tone; glyph: string }> = {
  Promoted: { tone: 'good', glyph: '✓' },
  Retreated: { tone: 'bad', glyph: '✗' },
  Aborted: { tone: 'bad', glyph: '✗' },
};

/** Releases before this one. Asked for when the release changes, for the stream carries only what lives. */
export function History({ view }: { view: RolloutView }) {
  const { namespace, name, release } = view;
  useEffect(() => {
    const abort = new AbortController();
    load(namespace, name, abort.signal).catch(() => {});
    return () => abort.abort();
  }, [namespace, name, release?.name, release?.outcome]);
  const earlier = past.value.filter((entry) => entry.outcome !== undefined);
  if (earlier.length === 0) return null;
  return (
    <section class="card history" aria-label="Releases before">
      <h2>Releases</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">release</th>
            <th scope="col">outcome</th>
            <th scope="col">spent</th>
            <th scope="col">bad requests</th>
            <th scope="col">took</th>
            <th scope="col">began</th>
            <th scope="col">why</th>
          </tr>
        </thead>
        <tbody>
          {earlier.map((entry) => (
            <Entry key={entry.name} entry={entry} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Entry({ entry }: { entry: ReleaseView }) {
  const { tone, glyph } = outcomes[entry.outcome ?? ''] ?? { tone: 'calm', glyph: '·' };
  const took =
    entry.startedAt === undefined || entry.endedAt === undefined ? '–' : printDuration(entry.endedAt - entry.startedAt);
  return (
    <tr>
      <th scope="row">{entry.name}</th>
      <td>
        <Chip tone={tone} glyph={glyph}>
          {entry.outcome}
        </Chip>
      </td>
      <td>{entry.spend === undefined ? '–' : printShare(entry.spend)}</td>
      <td>{entry.exposure === undefined ? '–' : printCount(entry.exposure.bad)}</td>
      <td>{took}</td>
      <td>
        <Ago at={entry.startedAt} />
      </td>
      <td class="wide">{entry.message ?? entry.reason}</td>
    </tr>
  );
}

async function load(namespace: string, name: string, abort: AbortSignal): Promise<void> {
  past.value = [];
  const answer = await call(`/api/rollouts/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`, abort);
  if (answer.ok) past.value = ((await answer.json()) as { history: ReleaseView[] }).history;
}
