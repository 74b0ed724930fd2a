import { changeWords } from '#core/change.ts';
import { printBad, printCount, printDuration, printShare, printWeight, shortImage } from '#core/figures.ts';
import { pinnedWords } from '#core/undo.ts';
import type { GateView } from '#core/view-gates.ts';
import type { Moment, ReleaseView } from '#core/view-release.ts';
import type { ArmView, RolloutView } from '#core/view-words.ts';
import type { Millis } from '#lib/units.ts';
import { age, evidenceBar, ladderLine, type Paint, phaseWord, verdictWord } from './paint.ts';
import { type Column, cutLine, drawTable } from './table.ts';

export interface DetailOptions {
  now: Millis;
  paint: Paint;
  columns?: number;
  /** How much of the timeline to show. */
  moments: number;
}

/** Everything about one Rollout, for `get NAME`. */
export function drawDetail(view: RolloutView, options: DetailOptions): string {
  const { paint, columns } = options;
  const head = `${paint.bold(view.name)} ${paint.dim(`in ${view.namespace}`)}   ${phaseWord(view, paint)}`;
  const lines = [
    head,
    view.sentence,
    '',
    ...factsOf(view, options),
    ...gatesOf(view, options),
    ...timelineOf(view, options),
  ];
  // The sentence is what people came for: it wraps, and is never cut.
  return `${lines.map((line) => (line === view.sentence ? line : cutLine(line, columns))).join('\n')}\n`;
}

function factsOf(view: RolloutView, { paint, now }: DetailOptions): string[] {
  const facts: [string, string | undefined][] = [
    ['Ladder', ladder(view.release, paint)],
    ['Foreseen', foreseen(view.release)],
    ['Weight', view.release?.outcome === undefined ? weight(view) : undefined],
    ['Stable', arm(view.stable)],
    ['Canary', arm(view.canary)],
    ['Undone', view.pinned && pinnedWords(view.pinned)],
    ['Release', release(view.release, now)],
    ['Change', changeWords(view.release?.change ?? {})],
    ['Breach', breach(view.release)],
    ['Held', held(view.release)],
    ['Earlier', view.release?.earlierBreach],
    [
      'Probes',
      view.release === undefined || view.release.probes.length === 0 ? undefined : view.release.probes.join(', '),
    ],
    [
      'Budget',
      view.spend === undefined ? undefined : `${printShare(view.spend)} of the error budget spent by this release`,
    ],
    ['Next', ahead(view)],
    ...view.problems.map((problem): [string, string] => ['Problem', paint.yellow(problem)]),
  ];
  return facts.flatMap(([title, value]) => (value === undefined ? [] : [`  ${paint.dim(title.padEnd(9))}${value}`]));
}

function ladder(release: ReleaseView | undefined, paint: Paint): string | undefined {
  return release === undefined || release.ladder.length === 0 ? undefined : ladderLine(release.ladder, paint);
}

/** What the step that stands, or comes first, can show. */
function foreseen(release: ReleaseView | undefined): string | undefined {
  const rung = release?.ladder.find(({ state }) => state === 'current') ?? release?.ladder[0];
  if (rung?.needsMs === undefined || release?.outcome !== undefined) return undefined;
  const sees = rung.sees === undefined ? 'shows nothing' : `shows +${printShare(rung.sees)} of failures`;
  return `at ${printWeight(rung.weight)} the hold ${sees}; evidence to go on takes about ${printDuration(rung.needsMs)}`;
}

/** What the next weight is going to burn. */
function ahead({ forecast }: RolloutView): string | undefined {
  if (forecast === undefined) return undefined;
  const { weight: next, expected, pessimistic } = forecast;
  return `${printWeight(next)} would burn ${printShare(expected)} of the error budget, ${printShare(pessimistic)} at worst`;
}

function weight({ weight: canary, step }: RolloutView): string {
  const where = step === 'bake' ? ', the bake' : step === undefined ? '' : `, step ${step.number} of ${step.count}`;
  return `${printWeight(canary)} of traffic on the canary${where}`;
}

function arm(view: ArmView | undefined): string | undefined {
  if (view === undefined) return undefined;
  return [view.revision, shortImage(view.image ?? ''), `${view.ready}/${view.replicas} ready`]
    .filter(Boolean)
    .join('  ');
}

function release(view: ReleaseView | undefined, now: Millis): string | undefined {
  if (view === undefined) return undefined;
  const began = view.startedAt === undefined ? '' : `, began ${age(view.startedAt, now)} ago`;
  const took =
    view.endedAt === undefined || view.startedAt === undefined
      ? ''
      : `, took ${printDuration(view.endedAt - view.startedAt)}`;
  return `${view.name}, attempt ${view.attempt}${view.outcome === undefined ? '' : `, ${view.outcome}`}${began}${took}`;
}

/** For which other release of its group it stood still. */
function held(view: ReleaseView | undefined): string | undefined {
  if (view?.held?.since === undefined) return undefined;
  const { since, until, culprit } = view.held;
  const length = until === undefined ? '' : ` for ${printDuration(until - since)}`;
  return culprit === undefined ? `both arms were bad${length}, by no release of its group` : `${culprit}${length}`;
}

/** Who did it, how soon it was found and mended, and who had met it by then. */
function breach(view: ReleaseView | undefined): string | undefined {
  if (view?.breach === undefined) return undefined;
  const { cause, gate, exposure, beside } = view.breach;
  const detected =
    view.timeToDetectMs === undefined ? [] : [`found ${printDuration(view.timeToDetectMs)} after the raise`];
  const remedied = view.timeToRemedyMs === undefined ? [] : [`weight 0 ${printDuration(view.timeToRemedyMs)} later`];
  const met =
    exposure === undefined
      ? []
      : [`${printCount(exposure.requests)} requests had met it, ${printCount(exposure.bad)} bad`];
  const others = beside.length === 0 ? [] : [`${beside.join(', ')} moved too`];
  const who = gate === undefined ? cause : `${cause} by ${gate}`;
  return [who, ...detected, ...met, ...remedied, ...others].join(', ');
}

function gatesOf({ gates }: RolloutView, { paint }: DetailOptions): string[] {
  if (gates.length === 0) return [];
  const columns: Column<GateView>[] = [
    { title: 'GATE', cell: ({ name, role }) => (role === 'Guardrail' ? name : `${name} (${role})`) },
    { title: 'VERDICT', cell: (gate) => verdictWord(gate, paint) },
    { title: 'CANARY BAD', cell: ({ canary }) => (canary === undefined ? '-' : printBad(canary)) },
    { title: 'STABLE BAD', cell: ({ stable }) => (stable === undefined ? '-' : printBad(stable)) },
    ...(gates.some(({ advance }) => advance)
      ? [{ title: 'TO PASS', cell: ({ advance }: GateView) => evidenceBar(advance) }]
      : []),
    ...(gates.some(({ stop }) => stop) ? [{ title: 'TO STOP', cell: ({ stop }: GateView) => evidenceBar(stop) }] : []),
  ];
  const rows = drawTable(gates, columns).trimEnd().split('\n');
  const said = gates
    .filter(({ message }) => message !== '')
    .map(({ name, message }) => paint.dim(`  ${name}: ${message}`));
  return ['', ...rows.map((row) => `  ${row}`), '', ...said];
}

function timelineOf({ release: view }: RolloutView, { paint, now, moments }: DetailOptions): string[] {
  const last = (view?.timeline ?? []).slice(-moments);
  if (last.length === 0) return [];
  const columns: Column<Moment>[] = [
    { title: 'AGO', align: 'right', cell: ({ at }) => age(at, now) },
    { title: 'WHAT', cell: ({ kind }) => kind },
    { title: 'MESSAGE', cell: ({ message }) => message },
  ];
  return [
    '',
    ...drawTable(last, columns)
      .trimEnd()
      .split('\n')
      .map((row, index) => (index === 0 ? paint.dim(`  ${row}`) : `  ${row}`)),
  ];
}
