import { printAge, printWeight } from '#core/figures.ts';
import type { ReleaseView } from '#core/view-release.ts';
import { type WeightPoint, weightSeries } from '#core/weight-series.ts';

const WIDTH = 860;
const HEIGHT = 220;
const PAD = { left: 46, right: 64, top: 14, bottom: 26 };

interface Scale {
  x: (at: number) => number;
  y: (weight: number) => number;
}

/** The canary's share of traffic over time, with the rungs that it climbs. */
export function WeightChart({
  release,
  weight,
  now,
  bad,
}: {
  release: ReleaseView;
  weight: number;
  now: number;
  bad: boolean;
}) {
  const points = weightSeries(release, { weight, now });
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  const scale = scaleFor(first.at, last.at);
  return (
    <svg class={bad ? 'chart bad' : 'chart'} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={told(points)}>
      <Rungs release={release} scale={scale} />
      <path
        class="area"
        d={`${line(points, scale)} L${scale.x(last.at)} ${scale.y(0)} L${scale.x(first.at)} ${scale.y(0)} Z`}
      />
      <path class="line" d={line(points, scale)} />
      <circle class="head" cx={scale.x(last.at)} cy={scale.y(last.weight)} r="5" />
      <text class="now" x={scale.x(last.at) + 12} y={scale.y(last.weight) + 5}>
        {printWeight(last.weight)}
      </text>
      <Hours from={first.at} to={last.at} scale={scale} />
    </svg>
  );
}

/** A root scale: half of the height is the first quarter of the traffic, where a release spends its life. */
function lift(weight: number): number {
  return Math.sqrt(Math.max(0, weight) / 100_000);
}

function scaleFor(from: number, to: number): Scale {
  const span = Math.max(1, to - from);
  return {
    x: (at) => PAD.left + ((at - from) / span) * (WIDTH - PAD.left - PAD.right),
    y: (weight) => HEIGHT - PAD.bottom - lift(weight) * (HEIGHT - PAD.top - PAD.bottom),
  };
}

function line(points: readonly WeightPoint[], { x, y }: Scale): string {
  return points
    .map(({ at, weight }, index) => (index === 0 ? `M${x(at)} ${y(weight)}` : `H${x(at)} V${y(weight)}`))
    .join(' ');
}

function Rungs({ release, scale }: { release: ReleaseView; scale: Scale }) {
  const rungs = [{ weight: 0, state: 'done' }, ...release.ladder];
  return (
    <g>
      {rungs.map(({ weight, state }) => (
        <g key={weight} class={`rung ${state}`}>
          <line x1={PAD.left} x2={WIDTH - PAD.right} y1={scale.y(weight)} y2={scale.y(weight)} />
          <text x={PAD.left - 8} y={scale.y(weight) + 4}>
            {printWeight(weight)}
          </text>
        </g>
      ))}
    </g>
  );
}

const TICKS = 5;

function Hours({ from, to, scale }: { from: number; to: number; scale: Scale }) {
  const ticks = Array.from({ length: TICKS }, (_, index) => from + ((to - from) * index) / (TICKS - 1));
  return (
    <g class="hours">
      {ticks.map((at, index) => (
        <text key={at} x={scale.x(at)} y={HEIGHT - 6}>
          {index === 0 ? 'start' : `+${printAge(at - from)}`}
        </text>
      ))}
    </g>
  );
}

/** The picture in words, for those who do not see it. */
function told(points: readonly WeightPoint[]): string {
  const start = points[0]?.at ?? 0;
  return `Share of the canary: ${points.map(({ at, weight }) => `${printWeight(weight)} after ${printAge(at - start)}`).join(', ')}`;
}
