import { printShare, printWeight, shortImage } from '#core/figures.ts';
import type { ArmView, RolloutView } from '#core/view.ts';
import type { Millis } from '#lib/units.ts';
import { age, type Paint, phaseWord, verdictGlyph } from './paint.ts';
import { type Column, drawTable } from './table.ts';

export interface ListOptions {
  now: Millis;
  paint: Paint;
  wide: boolean;
  /** Shows the namespace: more than one may be listed. */
  everywhere: boolean;
  columns?: number;
}

/** The table of `get`. */
export function drawList(views: readonly RolloutView[], options: ListOptions): string {
  return drawTable(views, columnsOf(options), options.columns);
}

function columnsOf({ now, paint, wide, everywhere }: ListOptions): Column<RolloutView>[] {
  const namespace: Column<RolloutView>[] = everywhere ? [{ title: 'NAMESPACE', cell: (view) => view.namespace }] : [];
  const more: Column<RolloutView>[] = wide
    ? [
        { title: 'STABLE IMAGE', cell: ({ stable }) => shortImage(stable?.image ?? '-') },
        { title: 'CANARY IMAGE', cell: ({ canary }) => shortImage(canary?.image ?? '-') },
        { title: 'RELEASE', cell: ({ release }) => release?.name ?? '-' },
        { title: 'SPENT', align: 'right', cell: ({ spend }) => (spend === undefined ? '-' : printShare(spend)) },
      ]
    : [];
  return [
    ...namespace,
    { title: 'NAME', cell: (view) => paint.bold(view.name) },
    { title: 'PHASE', cell: (view) => phaseWord(view, paint) },
    { title: 'STEP', cell: ({ step }) => (step === undefined ? '-' : `${step.number}/${step.count}`) },
    { title: 'WEIGHT', align: 'right', cell: ({ weight }) => printWeight(weight) },
    { title: 'STABLE', align: 'right', cell: ({ stable }) => readiness(stable) },
    { title: 'CANARY', align: 'right', cell: ({ canary }) => readiness(canary) },
    { title: 'GATES', cell: gatesCell },
    ...more,
    { title: 'FOR', align: 'right', cell: ({ since }) => age(since, now) },
    { title: 'WHY', cell: ({ sentence }) => sentence },
  ];
}

function readiness(arm: ArmView | undefined): string {
  return arm === undefined ? '-' : `${arm.ready}/${arm.replicas}`;
}

/** One glyph a gate, in the order of the spec. */
function gatesCell({ gates }: RolloutView): string {
  return gates.length === 0 ? '-' : gates.map(({ verdict }) => verdictGlyph[verdict]).join(' ');
}
