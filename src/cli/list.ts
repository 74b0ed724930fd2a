import { printShare, printWeight, shortImage } from '#core/figures.ts';
import type { ArmView, RolloutView } from '#core/view-words.ts';
import type { Millis } from '#lib/units.ts';
import { age, type Paint, phaseWord, verdictGlyph } from './paint.ts';
import { type Column, cutLine, drawTable, widthOf } from './table.ts';

export interface ListOptions {
  now: Millis;
  paint: Paint;
  wide: boolean;
  /** Shows the namespace: more than one may be listed. */
  everywhere: boolean;
  columns?: number;
}

/** Less room than this for the sentence, and it goes under its row instead. */
const WHY_MIN = 48;

/** The table of `get`. The sentence is what people came for: where it has no room beside the row, it stands below. */
export function drawList(views: readonly RolloutView[], options: ListOptions): string {
  const { columns, paint } = options;
  const shape = columnsOf(options);
  if (columns === undefined) return drawTable(views, shape);
  const [head = '', ...rows] = drawTable(views, shape.slice(0, -1)).trimEnd().split('\n');
  if (Math.max(...[head, ...rows].map(widthOf)) + WHY_MIN <= columns) return drawTable(views, shape, columns);
  const lines = rows.flatMap((row, index) => [row, paint.dim(`  ${views[index]?.sentence ?? ''}`)]);
  return `${[head, ...lines].map((line) => cutLine(line, columns)).join('\n')}\n`;
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
    { title: 'STEP', cell: stepCell },
    { title: 'WEIGHT', align: 'right', cell: ({ weight }) => printWeight(weight) },
    { title: 'STABLE', align: 'right', cell: ({ stable }) => readiness(stable) },
    { title: 'CANARY', align: 'right', cell: ({ canary }) => readiness(canary) },
    { title: 'GATES', cell: gatesCell },
    ...more,
    { title: 'FOR', align: 'right', cell: ({ since }) => age(since, now) },
    { title: 'WHY', cell: ({ sentence }) => sentence },
  ];
}

function stepCell({ step }: RolloutView): string {
  if (step === undefined || step === 'bake') return step ?? '-';
  return `${step.number}/${step.count}`;
}

function readiness(arm: ArmView | undefined): string {
  return arm === undefined ? '-' : `${arm.ready}/${arm.replicas}`;
}

/** One glyph a gate, in the order of the spec. */
function gatesCell({ gates }: RolloutView): string {
  return gates.length === 0 ? '-' : gates.map(({ verdict }) => verdictGlyph[verdict]).join(' ');
}
