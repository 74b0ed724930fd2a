import { computed, signal } from '@preact/signals';
import type { RolloutView } from '#core/view-words.ts';
import { readEvents } from './events.ts';

/** What the page knows, kept current by the stream. */

export const rollouts = signal<ReadonlyMap<string, RolloutView>>(new Map());
export const connection = signal<'connecting' | 'live' | 'lost' | 'refused'>('connecting');
/** Why the server's own picture may be old. */
export const trouble = signal<string | undefined>(undefined);
export const synced = signal(false);
export const now = signal(Date.now());

/** `#/shop/checkout` shows one rollout, anything else the list. */
export const route = signal(location.hash);
export const chosen = computed(() =>
  /^#\/([^/]+)\/([^/]+)$/.exec(route.value)?.slice(1).map(decodeURIComponent).join('/'),
);

const SECRET_KEY = 'headgate-secret';
const RETRY_MS = 2000;

/** Takes the secret out of the address, so that it is neither bookmarked nor shown on a shared screen. */
function takeSecret(): string {
  const hash = location.hash.slice(1);
  if (hash !== '' && !hash.startsWith('/')) {
    sessionStorage.setItem(SECRET_KEY, hash);
    history.replaceState(null, '', '#/');
    route.value = '#/';
  }
  return sessionStorage.getItem(SECRET_KEY) ?? '';
}

let secret = '';

/** One call to the API. */
export function call(path: string, abort?: AbortSignal): Promise<Response> {
  return fetch(path, {
    headers: { authorization: `Bearer ${secret}` },
    ...(abort === undefined ? {} : { signal: abort }),
  });
}

interface Change {
  changed: RolloutView[];
  gone: string[];
  synced: boolean;
  trouble?: string;
}

function take({ changed, gone, ...rest }: Change): void {
  const next = new Map(rollouts.value);
  for (const view of changed) next.set(`${view.namespace}/${view.name}`, view);
  for (const key of gone) next.delete(key);
  rollouts.value = next;
  synced.value = rest.synced;
  trouble.value = rest.trouble;
}

/** Follows the stream for the life of the page. A new connection starts with everything, so nothing old stays. */
export async function follow(): Promise<void> {
  secret = takeSecret();
  setInterval(() => {
    now.value = Date.now();
  }, 1000);
  addEventListener('hashchange', () => {
    takeSecret();
    route.value = location.hash;
  });
  for (;;) {
    await once().catch(() => {});
    if (connection.value === 'refused') return;
    connection.value = 'lost';
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function once(): Promise<void> {
  const answer = await call('/api/stream');
  if (answer.status === 401) connection.value = 'refused';
  if (!answer.ok || answer.body === null) return;
  let first = true;
  await readEvents(answer.body, (text) => {
    const change = JSON.parse(text) as Change;
    if (first) rollouts.value = new Map();
    first = false;
    connection.value = 'live';
    take(change);
  });
}
