import { explain } from './explain.ts';
import type { Ending, Phase, Stage } from './model.ts';
import { figure, instant, percent, present, type Raw, record, records, share, text, texts } from './raw.ts';
import { readReach, shareWords } from './reach.ts';
import { forecastOf, gatesOf } from './view-gates.ts';
import { type ReleaseView, releaseOf } from './view-release.ts';
import type { ArmView, RolloutView } from './view-words.ts';

/** Makes the view of one Rollout. `releases` are Release objects in any order, of any Rollout. */
export function viewRollout(rollout: unknown, releases: readonly unknown[]): RolloutView {
  const status = record(rollout, 'status');
  const state = record(status, 'state');
  const active = record(state, 'release');
  const metadata = record(rollout, 'metadata');
  const name = text(metadata['name']) ?? '';
  const release = latestOf(releases, { rollout: name, namespace: text(metadata['namespace']) ?? '', active });
  const phase = phaseOf(status);
  const facts = present<Omit<RolloutView, 'sentence'>>({
    namespace: text(metadata['namespace']) ?? '',
    name,
    phase,
    reason: text(status['reason']),
    stage: text(active['stage']) as Stage | undefined,
    moving: phase === 'Progressing' || phase === 'New',
    needsPerson: phase === 'Degraded' || (phase === 'Paused' && !endsByItself(status, active, release)),
    step: stepOf(status['step']),
    weight: figure(active['weight']) ?? percent(status['weight']) ?? 0,
    reach: reachWords(record(active, 'reach')),
    stable: armOf(record(status, 'stable')),
    canary: armOf(record(status, 'canary')),
    gates: gatesOf(status['gates']),
    spend: share(status['budgetSpent']),
    forecast: forecastOf(status['budgetForecast']),
    release,
    ending: endingOf(record(active, 'ending')),
    pinned: pinnedOf(record(state, 'pinned')),
    problems: problemsOf(status),
    createdAt: instant(metadata['creationTimestamp']),
    since: instant(state['since']),
  });
  return { ...facts, sentence: explain(facts, messageOf(status)) };
}

/** Views of many Rollouts, in order of namespace and name. */
export function viewRollouts(rollouts: readonly unknown[], releases: readonly unknown[]): RolloutView[] {
  const byRollout = new Map<string, unknown[]>();
  for (const release of releases) {
    const key = `${text(record(release, 'metadata')['namespace'])}/${text(record(release, 'spec')['rollout'])}`;
    const list = byRollout.get(key);
    if (list === undefined) byRollout.set(key, [release]);
    else list.push(release);
  }
  const views = rollouts.map((rollout) => {
    const { namespace, name } = record(rollout, 'metadata');
    return viewRollout(rollout, byRollout.get(`${text(namespace)}/${text(name)}`) ?? []);
  });
  return views.sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
}

/** Every Release of one Rollout, newest first. */
export function historyOf(releases: readonly unknown[], of: { namespace: string; rollout: string }): ReleaseView[] {
  return releases
    .filter((release) => belongs(release, of))
    .map((release) => releaseOf(release))
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0) || compare(b.name, a.name));
}

function latestOf(
  releases: readonly unknown[],
  { rollout, namespace, active }: { rollout: string; namespace: string; active: Raw },
): ReleaseView | undefined {
  const running = text(active['name']);
  const history = releases.filter((release) => belongs(release, { rollout, namespace }));
  const object = history.find((release) => record(release, 'metadata')['name'] === running);
  if (object !== undefined) return releaseOf(object, active);
  // Its object is not written yet: the state alone knows it, and an older release must not pass for it.
  return running === undefined ? historyOf(history, { rollout, namespace })[0] : releaseOf({}, active);
}

function belongs(release: unknown, { namespace, rollout }: { namespace: string; rollout: string }): boolean {
  return (
    record(release, 'spec')['rollout'] === rollout && (record(release, 'metadata')['namespace'] ?? '') === namespace
  );
}

const phases: readonly Phase[] = ['Healthy', 'Progressing', 'Paused', 'Degraded'];

function phaseOf(status: Raw): RolloutView['phase'] {
  return phases.find((phase) => phase === status['phase']) ?? 'New';
}

/** A pause with a length does, and one for a budget, which time brings back. */
function endsByItself(status: Raw, active: Raw, release: ReleaseView | undefined): boolean {
  if (status['reason'] === 'BudgetLow') return true;
  const step = figure(active['step']);
  return step !== undefined && release?.ladder[step]?.pause?.forMs !== undefined;
}

/** `2/3` or `bake`, as the status column prints it. */
function stepOf(value: unknown): RolloutView['step'] {
  if (value === 'bake') return 'bake';
  const match = typeof value === 'string' ? /^(\d{1,4})\/(\d{1,4})$/.exec(value) : null;
  return match === null ? undefined : { number: Number(match[1]), count: Number(match[2]) };
}

function armOf(arm: Raw): ArmView | undefined {
  const revision = text(arm['revision']);
  if (revision === undefined) return undefined;
  return present<ArmView>({
    revision,
    image: text(arm['image']),
    digests: Array.isArray(arm['digests']) ? texts(arm['digests']) : undefined,
    ready: figure(arm['ready']) ?? 0,
    replicas: figure(arm['replicas']) ?? 0,
  });
}

function reachWords(active: Raw): string | undefined {
  const reach = readReach(active);
  return reach === undefined ? undefined : shareWords({ weight: 0, reach });
}

function endingOf(ending: Raw): RolloutView['ending'] {
  const kind = text(ending['kind']) as Ending['kind'] | undefined;
  return kind === undefined ? undefined : { kind, why: text(ending['why']) ?? '' };
}

function pinnedOf(pinned: Raw): RolloutView['pinned'] {
  const revision = text(pinned['revision']);
  return revision === undefined ? undefined : { revision, by: text(pinned['by']) ?? '' };
}

function messageOf(status: Raw): string {
  return text(status['message']) ?? text(record(status, 'state')['message']) ?? '';
}

/** Conditions that say again what the phase says, and those whose `False` is the bad news. */
const quiet = new Set(['Ready', 'Reconciling', 'Stalled', 'Paused', 'Queued', 'Held']);
const positive = new Set(['Valid']);

function problemsOf(status: Raw): string[] {
  return records(status['conditions'])
    .filter(
      ({ type, status: on }) =>
        on === (positive.has(text(type) ?? '') ? 'False' : 'True') && !quiet.has(text(type) ?? ''),
    )
    .map((condition) => `${text(condition['type']) ?? 'Condition'}: ${text(condition['message']) ?? ''}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
