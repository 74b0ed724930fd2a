import picocolors from 'picocolors';
import { printAge, printWeight } from '#core/figures.ts';
import { type Evidence, type GateView, progressOf } from '#core/view-gates.ts';
import type { Rung } from '#core/view-release.ts';
import type { RolloutView } from '#core/view-words.ts';
import type { Millis } from '#lib/units.ts';

/** Colours and glyphs of the terminal. Every colour stands beside a word or a glyph that says the same. */
export type Paint = ReturnType<typeof picocolors.createColors>;

export function paintFor({ colour }: { colour: boolean }): Paint {
  return picocolors.createColors(colour);
}

export function phaseWord(view: RolloutView, paint: Paint): string {
  const detail = view.phase === 'Progressing' ? view.stage : view.reason;
  const word = detail === undefined ? view.phase : `${view.phase} (${detail})`;
  return phasePaint(view, paint)(word);
}

function phasePaint({ phase, reason }: RolloutView, paint: Paint): (text: string) => string {
  if (phase === 'Healthy') return paint.green;
  if (phase === 'Degraded' || reason === 'GateBreached') return paint.red;
  return phase === 'Paused' ? paint.yellow : paint.cyan;
}

export const verdictGlyph: Record<GateView['verdict'], string> = {
  Pass: '✓',
  Fail: '✗',
  Inconclusive: '…',
  NoData: '○',
  Error: '!',
};

export function verdictWord({ verdict, cause }: GateView, paint: Paint): string {
  // Too few samples is what Inconclusive means nearly always: it is not worth the room.
  const why = cause === undefined || cause === 'TooFewSamples' ? '' : ` (${cause})`;
  const word = `${verdictGlyph[verdict]} ${verdict}${why}`;
  if (verdict === 'Pass') return paint.green(word);
  if (verdict === 'Fail') return paint.red(word);
  return verdict === 'Inconclusive' ? paint.cyan(word) : paint.yellow(word);
}

const rungGlyph: Record<Rung['state'], string> = { done: '●', current: '◉', ahead: '○', stopped: '✗' };

/** `●─5%──◉─20%──○─50%──○─100%` */
export function ladderLine(ladder: readonly Rung[], paint: Paint): string {
  return ladder
    .map(({ weight, reach, state, bake }) => {
      const rung = `${rungGlyph[state]} ${reach ?? printWeight(weight)}${bake === true ? ' bake' : ''}`;
      if (state === 'current') return paint.bold(paint.cyan(rung));
      if (state === 'stopped') return paint.bold(paint.red(rung));
      return state === 'done' ? paint.green(rung) : paint.dim(rung);
    })
    .join(paint.dim(' ── '));
}

const BAR = 10;

/** `▰▰▰▰▱▱▱▱▱▱  41%`: how far the evidence has come. */
export function evidenceBar(evidence: Evidence | undefined): string {
  if (evidence === undefined) return '-';
  const progress = progressOf(evidence);
  const full = Math.floor(progress * BAR);
  return `${'▰'.repeat(full)}${'▱'.repeat(BAR - full)} ${`${Math.floor(progress * 100)}%`.padStart(4)}`;
}

/** Age at `now`; a clock that lags behind the cluster's shows zero. */
export function age(at: Millis | undefined, now: Millis): string {
  return at === undefined ? '-' : printAge(Math.max(0, now - at));
}
