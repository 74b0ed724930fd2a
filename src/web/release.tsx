import { changeWords } from '#core/change.ts';
import { printCount, printDuration, printShare, printWeight, shortImage } from '#core/figures.ts';
import type { ReleaseView } from '#core/view-release.ts';
import type { ArmView, RolloutView } from '#core/view-words.ts';
import { WeightChart } from './chart.tsx';
import { Gate, Meter } from './gate.tsx';
import { History } from './history.tsx';
import { now } from './live.ts';
import { Ago, Ladder, PhaseChip, toneOf, words } from './parts.tsx';

/** One rollout: what it does and why, its climb, its gates, what it cost, what happened. */
export function Release({ view }: { view: RolloutView }) {
  const { release } = view;
  const gates = view.gates.length > 0 ? view.gates : (release?.gates ?? []);
  // The side with more room takes the timeline.
  const timeline = release === undefined ? null : <Timeline release={release} />;
  return (
    <main class="release">
      <nav>
        <a href="#/">← All rollouts</a>
      </nav>
      <Head view={view} />
      {view.problems.map((problem) => (
        <p key={problem} class="problem" role="status">
          <span aria-hidden="true">! </span>
          {problem}
        </p>
      ))}
      {release === undefined ? null : <Climb view={view} release={release} />}
      <div class="columns">
        <div class="gates">
          {gates.map((gate) => (
            <Gate key={gate.name} gate={gate} />
          ))}
          {gates.length > 1 ? null : timeline}
        </div>
        <aside>
          <Arms view={view} />
          {release === undefined ? null : <Cost view={view} release={release} />}
          {gates.length > 1 ? timeline : null}
        </aside>
      </div>
      <History view={view} />
    </main>
  );
}

function Head({ view }: { view: RolloutView }) {
  return (
    <header class={`head ${toneOf(view)}`}>
      <div class="title">
        <h1>
          {view.name} <small>{view.namespace}</small>
        </h1>
        <PhaseChip view={view} />
      </div>
      <p class="sentence" aria-live="polite">
        {view.sentence}
      </p>
    </header>
  );
}

function Climb({ view, release }: { view: RolloutView; release: ReleaseView }) {
  const running = release.outcome === undefined;
  const bad = toneOf(view) === 'bad' || release.outcome === 'Retreated' || release.outcome === 'Aborted';
  return (
    <section class="card climb-card" aria-label="Traffic on the canary">
      <header>
        <h2>Traffic on the canary</h2>
        <p>
          {release.name}
          {release.attempt > 1 ? `, attempt ${release.attempt}` : ''}
          {release.outcome === undefined ? '' : `, ${words(release.outcome)}`}, began <Ago at={release.startedAt} /> ago
        </p>
      </header>
      <Changed release={release} />
      <WeightChart release={release} weight={view.weight} now={now.value} bad={bad} />
      <Ladder rungs={release.ladder} />
      {running && release.earlierBreach !== undefined ? (
        <p class="said">An earlier attempt failed: {release.earlierBreach}</p>
      ) : null}
    </section>
  );
}

/** Whose change it is. Only web addresses are recorded, so that a link leads nowhere else. */
function Changed({ release: { change = {} } }: { release: ReleaseView }) {
  const { url, ...rest } = change;
  const told = changeWords(rest);
  if (told === undefined && url === undefined) return null;
  return (
    <p class="said">
      Change: {told}{' '}
      {url === undefined || !/^https?:/i.test(url) ? null : (
        <a href={url} rel="noreferrer noopener">
          {url}
        </a>
      )}
    </p>
  );
}

function Arms({ view }: { view: RolloutView }) {
  return (
    <section class="card" aria-label="Arms">
      <h2>Arms</h2>
      <dl class="facts">
        <Arm name="stable" arm={view.stable} />
        <Arm name="canary" arm={view.canary} />
      </dl>
    </section>
  );
}

function Arm({ name, arm }: { name: string; arm: ArmView | undefined }) {
  return (
    <>
      <dt class={name}>{name}</dt>
      <dd>
        {arm === undefined ? (
          <span class="quiet">none</span>
        ) : (
          <>
            <span title={arm.image}>{arm.image === undefined ? arm.revision : shortImage(arm.image)}</span>
            <small>
              {arm.revision} · {arm.ready}/{arm.replicas} ready
            </small>
          </>
        )}
      </dd>
    </>
  );
}

function Cost({ view, release }: { view: RolloutView; release: ReleaseView }) {
  const spend = view.spend ?? release.spend;
  const { exposure, breach, maxSpend, probes, timeToDetectMs, timeToRemedyMs } = release;
  return (
    <section class="card" aria-label="Cost">
      <h2>Cost of this release</h2>
      <dl class="facts">
        <dt>budget</dt>
        <dd>
          {spend === undefined ? <span class="quiet">not known</span> : `${printShare(spend)} spent`}
          {spend === undefined || maxSpend === undefined ? null : (
            <>
              <Meter value={spend / maxSpend} tone="spend" line="stops" />
              <small>it stops at {printShare(maxSpend)}</small>
            </>
          )}
          {view.forecast === undefined ? null : (
            <small>
              {printWeight(view.forecast.weight)} would burn {printShare(view.forecast.expected)},{' '}
              {printShare(view.forecast.pessimistic)} at worst
            </small>
          )}
        </dd>
        {exposure === undefined ? null : (
          <>
            <dt>met it</dt>
            <dd>
              {printCount(exposure.requests)} requests
              <small>{printCount(exposure.bad)} of them bad</small>
            </dd>
          </>
        )}
        {timeToDetectMs === undefined ? null : (
          <>
            <dt>found in</dt>
            <dd>
              {printDuration(timeToDetectMs)} after the raise
              {breach?.exposure === undefined ? null : (
                <small>
                  {printCount(breach.exposure.requests)} requests had met it, {printCount(breach.exposure.bad)} bad
                </small>
              )}
            </dd>
          </>
        )}
        {timeToRemedyMs === undefined ? null : (
          <>
            <dt>mended in</dt>
            <dd>{printDuration(timeToRemedyMs)}</dd>
          </>
        )}
        <dt>probes</dt>
        <dd>{probes.length === 0 ? <span class="quiet">none</span> : probes.join(', ')}</dd>
      </dl>
    </section>
  );
}

/** The new weight stands beside the kind already. */
const WEIGHT_AGAIN = /^weight [\d.]+%: /;

function Timeline({ release }: { release: ReleaseView }) {
  const moments = [...release.timeline].reverse();
  if (moments.length === 0) return null;
  return (
    <section class="card" aria-label="Timeline">
      <h2>Timeline</h2>
      <ol class="timeline">
        {moments.map((moment) => (
          <li key={`${moment.at} ${moment.kind} ${moment.message}`}>
            <Ago at={moment.at} />
            <div>
              <b>{words(moment.kind)}</b>
              {moment.weight === undefined ? null : <span class="to"> {printWeight(moment.weight)}</span>}
              <p>{moment.message.replace(WEIGHT_AGAIN, '')}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
