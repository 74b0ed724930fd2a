import { render } from 'preact';
import { List } from './list.tsx';
import { chosen, connection, follow, rollouts, trouble } from './live.ts';
import { Release } from './release.tsx';

const connectionWords = {
  connecting: 'connecting',
  live: 'live',
  lost: 'connection lost, trying again',
  refused: 'key refused: open the address that the terminal printed',
} as const;

function App() {
  const key = chosen.value;
  const view = key === undefined ? undefined : rollouts.value.get(key);
  return (
    <>
      <header class="bar">
        <a href="#/" class="brand">
          <img src="/icon.svg" alt="" width="22" height="22" />
          Headgate
        </a>
        <span class={`connection ${connection.value}`} role="status">
          <span class="pulse" aria-hidden="true" />
          {connectionWords[connection.value]}
        </span>
      </header>
      {trouble.value === undefined ? null : (
        <p class="problem" role="status">
          <span aria-hidden="true">! </span>What you see may be old: {trouble.value}
        </p>
      )}
      {view === undefined ? <Elsewhere wanted={key} /> : <Release view={view} />}
    </>
  );
}

function Elsewhere({ wanted }: { wanted: string | undefined }) {
  if (wanted === undefined || connection.value === 'connecting') return <List />;
  return (
    <>
      <p class="problem">There is no Rollout {wanted} here.</p>
      <List />
    </>
  );
}

const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
await follow();
