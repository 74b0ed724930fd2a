import type { ComponentChildren } from 'preact';
import { printAge, printDuration, printShare, printWeight } from '#core/figures.ts';
import type { GateView } from '#core/view-gates.ts';
import type { Rung } from '#core/view-release.ts';
import type { RolloutView } from '#core/view-words.ts';
import { now } from './live.ts';

/** Small parts that the list and the release share. Every colour stands beside a glyph and a word. */

export type Tone = 'good' | 'bad' | 'wait' | 'move' | 'calm';

export function Chip({ tone, glyph, children }: { tone: Tone; glyph: string; children: ComponentChildren }) {
  return (
    <span class={`chip ${tone}`}>
      <span class="glyph" aria-hidden="true">
        {glyph}
      </span>
      {children}
    </span>
  );
}

export function toneOf({ phase, reason }: RolloutView): Tone {
  if (phase === 'Degraded' || reason === 'GateBreached') return 'bad';
  if (phase === 'Paused') return 'wait';
  return phase === 'Healthy' ? 'good' : 'move';
}

const phaseGlyph: Record<Tone, string> = { good: '✓', bad: '✗', wait: '❚❚', move: '↗', calm: '·' };

export function PhaseChip({ view }: { view: RolloutView }) {
  const detail = view.phase === 'Progressing' ? view.stage : view.reason;
  const tone = toneOf(view);
  return (
    <Chip tone={tone} glyph={phaseGlyph[tone]}>
      {view.phase}
      {detail === undefined ? null : <span class="detail">{words(detail)}</span>}
    </Chip>
  );
}

const verdicts: Record<GateView['verdict'], { tone: Tone; glyph: string }> = {
  Pass: { tone: 'good', glyph: '✓' },
  Fail: { tone: 'bad', glyph: '✗' },
  Inconclusive: { tone: 'move', glyph: '…' },
  NoData: { tone: 'wait', glyph: '○' },
  Error: { tone: 'wait', glyph: '!' },
};

export function VerdictChip({ gate, bare = false }: { gate: GateView; bare?: boolean }) {
  const { tone, glyph } = verdicts[gate.verdict];
  const label = `${gate.name}: ${gate.verdict}`;
  if (bare) {
    return (
      <span class={`verdict-dot ${tone}`} role="img" title={label} aria-label={label}>
        {glyph}
      </span>
    );
  }
  return (
    <Chip tone={tone} glyph={glyph}>
      {words(gate.verdict)}
      {gate.cause === undefined ? null : <span class="detail">{words(gate.cause)}</span>}
    </Chip>
  );
}

const rungWords: Record<Rung['state'], string> = {
  done: 'done',
  current: 'now',
  ahead: 'ahead',
  stopped: 'stopped here',
};

/** The ladder as a row of rungs. */
export function Ladder({ rungs, small = false }: { rungs: readonly Rung[]; small?: boolean }) {
  return (
    <ol class={small ? 'ladder small' : 'ladder'} aria-label="Steps of the release">
      {rungs.map((rung) => (
        <li key={`${rung.weight} ${rung.reach} ${rung.bake}`} class={rung.state} title={titleOf(rung)}>
          <span class="mark" aria-hidden="true" />
          <span class="weight">
            {rung.reach ?? printWeight(rung.weight)}
            {rung.bake === true && !small ? ' bake' : ''}
          </span>
          <span class="sr">{rungWords[rung.state]}</span>
        </li>
      ))}
    </ol>
  );
}

function titleOf({ weight, reach, bake, state, sees, needsMs }: Rung): string {
  const shows = sees === undefined ? '' : `, its hold shows +${printShare(sees)} of failures`;
  const needs = needsMs === undefined ? '' : `, evidence takes about ${printDuration(needsMs)}`;
  return `${reach ?? printWeight(weight)}${bake === true ? ' for the bake' : ''}, ${rungWords[state]}${shows}${needs}`;
}

/** A time as its age, with the full time on hover. */
export function Ago({ at }: { at: number | undefined }) {
  if (at === undefined) return <span>–</span>;
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {printAge(Math.max(0, now.value - at))}
    </time>
  );
}

/** `GateBreached` → `gate breached`. */
export function words(camel: string): string {
  return camel.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}
