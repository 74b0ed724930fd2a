import { printCount, printShare } from '#core/figures.ts';
import { type Evidence, type GateView, progressOf } from '#core/view-gates.ts';
import { VerdictChip, words } from './parts.tsx';

/** One gate: its verdict, its sentence, both arms' counts, and how far each test has come. */
export function Gate({ gate }: { gate: GateView }) {
  return (
    <section class="card gate" aria-label={`Gate ${gate.name}`}>
      <header>
        <h3>{gate.name}</h3>
        {gate.role === 'Guardrail' ? null : <small>{words(gate.role)}</small>}
        <VerdictChip gate={gate} />
      </header>
      <p class="said">{gate.message}</p>
      <Arms gate={gate} />
      <Test title="Evidence that it is as good" evidence={gate.advance} tone="good" at="moves on" />
      <Test title="Evidence that it is worse" evidence={gate.stop} tone="bad" at="stops" />
    </section>
  );
}

type Counts = NonNullable<GateView['canary']>;

function Arms({ gate: { canary, stable } }: { gate: GateView }) {
  if (canary === undefined || stable === undefined) return null;
  const rate = ({ bad, total }: Counts) => (total === 0 ? 0 : bad / total);
  const top = Math.max(rate(canary), rate(stable), 1e-9);
  return (
    <table class="arms">
      <thead>
        <tr>
          <th scope="col">arm</th>
          <th scope="col">requests</th>
          <th scope="col">bad</th>
          <th scope="col" colSpan={2}>
            error rate
          </th>
        </tr>
      </thead>
      <tbody>
        <Arm name="canary" counts={canary} share={rate(canary) / top} rate={rate(canary)} />
        <Arm name="stable" counts={stable} share={rate(stable) / top} rate={rate(stable)} />
      </tbody>
    </table>
  );
}

function Arm({ name, counts, share, rate }: { name: string; counts: Counts; share: number; rate: number }) {
  return (
    <tr class={name}>
      <th scope="row">{name}</th>
      <td>{printCount(counts.total)}</td>
      <td>{printCount(counts.bad)}</td>
      <td>{counts.total === 0 ? '–' : printShare(rate)}</td>
      <td class="meter-cell">
        <Meter value={share} tone={name} />
      </td>
    </tr>
  );
}

function Test({
  title,
  evidence,
  tone,
  at,
}: {
  title: string;
  evidence: Evidence | undefined;
  tone: 'good' | 'bad';
  at: string;
}) {
  if (evidence === undefined) return null;
  const progress = progressOf(evidence);
  const value = `e-value ${printE(evidence.logE)} of ${printE(evidence.limit)}`;
  return (
    <div class="test">
      <span>{title}</span>
      <span class="value">{value}</span>
      <Meter value={progress} tone={tone} line={at} />
    </div>
  );
}

/** An e-value from its logarithm: `1.3`, `420`, `2e6`. */
function printE(logE: number): string {
  const e = Math.exp(logE);
  if (e >= 1e5) return e.toExponential(0).replace('e+', 'e');
  return e >= 100 ? printCount(e) : `${Number(e.toPrecision(2))}`;
}

/** A bar. An SVG, because the page's policy lets no style stand in an attribute. */
export function Meter({ value, tone, line }: { value: number; tone: string; line?: string }) {
  const percent = Math.round(Math.min(1, Math.max(0, value)) * 1000) / 10;
  return (
    <svg
      class={`meter ${tone}`}
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${percent} %${line === undefined ? '' : `, ${line} at 100 %`}`}
    >
      <rect class="track" width="100" height="6" />
      <rect class="fill" width={percent} height="6" />
    </svg>
  );
}
