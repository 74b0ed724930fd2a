import { printWeight } from '#core/figures.ts';
import type { RolloutView } from '#core/view-words.ts';
import { rollouts, synced } from './live.ts';
import { Ago, Ladder, PhaseChip, toneOf, VerdictChip } from './parts.tsx';

const urgency: Record<ReturnType<typeof toneOf>, number> = { bad: 0, wait: 1, move: 2, good: 3, calm: 4 };

/** All rollouts: what needs a person first, then what moves, then the rest. */
export function List() {
  const views = [...rollouts.value.values()].sort(
    (a, b) =>
      urgency[toneOf(a)] - urgency[toneOf(b)] || a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name),
  );
  if (views.length === 0) return <Empty />;
  return (
    <main class="list">
      <Summary views={views} />
      <ul>
        {views.map((view) => (
          <li key={`${view.namespace}/${view.name}`}>
            <Row view={view} />
          </li>
        ))}
      </ul>
    </main>
  );
}

function Row({ view }: { view: RolloutView }) {
  const running = view.release !== undefined && view.release.outcome === undefined ? view.release : undefined;
  return (
    <a class={`row ${toneOf(view)}`} href={`#/${encodeURIComponent(view.namespace)}/${encodeURIComponent(view.name)}`}>
      <span class="name">
        <strong>{view.name}</strong>
        <small>{view.namespace}</small>
      </span>
      <span class="phase">
        <PhaseChip view={view} />
        <small>
          for <Ago at={view.since} />
        </small>
      </span>
      <span class="climb">
        {running === undefined ? null : <Ladder rungs={running.ladder} small />}
        {running === undefined ? null : <b class="share">{printWeight(view.weight)}</b>}
      </span>
      <span class="verdicts">
        {view.gates.map((gate) => (
          <VerdictChip key={gate.name} gate={gate} bare />
        ))}
      </span>
      <span class="why">{view.sentence}</span>
    </a>
  );
}

function Summary({ views }: { views: readonly RolloutView[] }) {
  const count = (tone: ReturnType<typeof toneOf>) => views.filter((view) => toneOf(view) === tone).length;
  const parts: [number, string][] = [
    [count('bad'), 'went wrong'],
    [count('wait'), 'paused'],
    [count('move'), 'moving'],
    [count('good'), 'at rest'],
  ];
  return (
    <h1 class="summary">
      {parts
        .filter(([number]) => number > 0)
        .map(([number, word]) => (
          <span key={word}>
            <b>{number}</b> {word}
          </span>
        ))}
    </h1>
  );
}

function Empty() {
  return (
    <main class="empty">
      <h1>{synced.value ? 'No rollouts here' : 'Reading the cluster'}</h1>
      <p>{synced.value ? 'Apply a Rollout and it appears by itself.' : 'One moment.'}</p>
    </main>
  );
}
