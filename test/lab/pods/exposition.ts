/** What a pod's metrics look like on the wire: the text format 0.0.4, and the protobuf format, which native histograms need. */

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Sample[];
}

export interface Sample {
  labels: Record<string, string>;
  /** Of a counter or a gauge. */
  value?: number;
  /** Of a classic histogram: cumulative, the last bound is +Inf. */
  buckets?: { bounds: readonly number[]; counts: readonly number[]; sum: number };
  /** Of a native histogram: observations by bucket index, all above 0. */
  native?: { schema: number; counts: ReadonlyMap<number, number>; sum: number };
}

export const TEXT = 'text/plain; version=0.0.4';
export const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** True when a scraper would rather have protobuf, as Prometheus does with native histograms enabled. */
export function prefersProtobuf(accept: string): boolean {
  return accept.includes('application/vnd.google.protobuf');
}

/** Native histograms have no text form and are left out. */
export function textOf(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0 && samples.every(({ native }) => native === undefined))
    .flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.flatMap((sample) => linesOf(name, sample)),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

function linesOf(name: string, { labels, value, buckets }: Sample): string[] {
  if (buckets === undefined) return [`${name}${labelText(labels)} ${value}`];
  const { bounds, counts, sum } = buckets;
  const lines = bounds.map((bound, index) => {
    const le = Number.isFinite(bound) ? String(bound) : '+Inf';
    return `${name}_bucket${labelText({ ...labels, le })} ${counts[index]}`;
  });
  return [...lines, `${name}_sum${labelText(labels)} ${sum}`, `${name}_count${labelText(labels)} ${counts.at(-1)}`];
}

function labelText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Length-delimited `io.prometheus.client.MetricFamily` messages. */
export function protobufOf(families: readonly Family[]): Buffer {
  return Buffer.concat(
    families.filter(({ samples }) => samples.length > 0).flatMap((one) => delimited(familyBytes(one))),
  );
}

const TYPES = { counter: 0, gauge: 1, histogram: 4 };

function familyBytes({ name, help, type, samples }: Family): Buffer {
  const metrics = samples.map((sample) => bytesField(4, metricBytes(type, sample)));
  return Buffer.concat([
    bytesField(1, Buffer.from(name)),
    bytesField(2, Buffer.from(help)),
    intField(3, TYPES[type]),
    ...metrics,
  ]);
}

function metricBytes(type: Family['type'], { labels, value = 0, buckets, native }: Sample): Buffer {
  const pairs = Object.entries(labels).map(([name, text]) =>
    bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(text))])),
  );
  if (buckets !== undefined) return Buffer.concat([...pairs, bytesField(7, classicBytes(buckets))]);
  if (native !== undefined) return Buffer.concat([...pairs, bytesField(7, nativeBytes(native))]);
  return Buffer.concat([...pairs, bytesField(type === 'gauge' ? 2 : 3, doubleField(1, value))]);
}

function classicBytes({ bounds, counts, sum }: NonNullable<Sample['buckets']>): Buffer {
  const all = bounds.map((bound, index) =>
    bytesField(3, Buffer.concat([intField(1, counts[index] ?? 0), doubleField(2, bound)])),
  );
  return Buffer.concat([intField(1, counts.at(-1) ?? 0), doubleField(2, sum), ...all]);
}

/** Spans of neighbouring buckets, and the difference of each count from the one before. */
function nativeBytes({ schema, counts, sum }: NonNullable<Sample['native']>): Buffer {
  const indices = [...counts.keys()].sort((a, b) => a - b);
  const total = indices.reduce((all, index) => all + (counts.get(index) ?? 0), 0);
  const spans: { offset: number; length: number }[] = [];
  const deltas: Buffer[] = [];
  let [next, before] = [0, 0];
  for (const index of indices) {
    const span = spans.at(-1);
    if (span !== undefined && index === next) span.length += 1;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
    const count = counts.get(index) ?? 0;
    deltas.push(intField(13, zigzag(count - before)));
    before = count;
  }
  const spanFields = spans.map(({ offset, length }) =>
    bytesField(12, Buffer.concat([intField(1, zigzag(offset)), intField(2, length)])),
  );
  const head = [
    intField(1, total),
    doubleField(2, sum),
    intField(5, zigzag(schema)),
    doubleField(6, 1e-9),
    intField(7, 0),
  ];
  return Buffer.concat([...head, ...spanFields, ...deltas]);
}

function delimited(message: Buffer): Buffer[] {
  return [varint(message.length), message];
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), ...delimited(bytes)]);
}

function intField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

/** Up to 2^53: no lab pod counts further. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
