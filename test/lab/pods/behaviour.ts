/**
 * The behaviour of a lab pod is its image tag, so that "change the image" is a release.
 *
 *   image     = [repository "/"] name [":" tag]        no tag means "latest"
 *   tag       = version *( "-" part )                  v1, v2-errors-5, v2-latency-200-slowstop-3s
 *   part      = errors-P | latency-MS | latencyx-F | hang | freeze | crash | crashafter-D | neverready
 *             | slowstart-D | slowstop-D | leak-D | smokefail | dark | orders-P
 *
 * P is a percent (`5`, `0.1`), MS milliseconds, F a factor, D a Go duration (`3s`, `1m30s`).
 * A fault at run time uses the same parts without the version: `errors-50-latency-200`; `ok` is none of them.
 * An unknown, repeated or misspelled part is an error that names it: the pod then shows `ErrImagePull`.
 */

import { type Millis, parseDuration } from '#lib/units.ts';

/** What a pod does. The defaults are a healthy pod. */
export interface Behaviour {
  /** Share of application requests answered with 500, 0 to 100. [0] */
  errorPercent: number;
  /** Median of the lognormal time to answer. [5] */
  latencyMs: Millis;
  /** Multiplies every answer's time. [1] */
  latencyFactor: number;
  /** Application requests are accepted and never answered; health and metrics paths still answer. */
  hang: boolean;
  /** Nothing is answered, health and metrics paths included, as if the process had been stopped by a signal. */
  freeze: boolean;
  /** Exits right after the start, before it is ready. */
  crash: boolean;
  /** Exits that long after the start. */
  crashAfterMs: Millis | undefined;
  /** Runs, and answers 503 for ever. */
  neverReady: boolean;
  /** Answers 503 and is not ready for that long after the start. [0] */
  slowStartMs: Millis;
  /** How long a graceful stop goes on serving with `Connection: close`. [1s] */
  slowStopMs: Millis;
  /** No errors for that long after the start, then a share that grows linearly to 100 % at twice that time. */
  leakAfterMs: Millis | undefined;
  /** `/healthz/smoke` answers 500 while the rest is well. */
  smokeFail: boolean;
  /** Share of answers that end in an order, 0 to 100. [10] */
  ordersPercent: number;
  /** `/metrics` has no request counters and no request histogram. */
  dark: boolean;
}

export const healthy: Readonly<Behaviour> = {
  errorPercent: 0,
  latencyMs: 5,
  latencyFactor: 1,
  hang: false,
  freeze: false,
  crash: false,
  crashAfterMs: undefined,
  neverReady: false,
  slowStartMs: 0,
  slowStopMs: 1000,
  leakAfterMs: undefined,
  smokeFail: false,
  ordersPercent: 10,
  dark: false,
};

/** Either a behaviour, or the part that has no meaning and a sentence that names it. */
export type Parsed = { behaviour: Behaviour; error?: undefined } | { behaviour?: undefined; error: string };

type Setter = (argument: string) => Partial<Behaviour> | undefined;

const flags: Record<string, Partial<Behaviour>> = {
  hang: { hang: true },
  freeze: { freeze: true },
  crash: { crash: true },
  neverready: { neverReady: true },
  smokefail: { smokeFail: true },
  dark: { dark: true },
};

const settings: Record<string, Setter> = {
  errors: (text) => whenDefined(number(text, 100), (errorPercent) => ({ errorPercent })),
  orders: (text) => whenDefined(number(text, 100), (ordersPercent) => ({ ordersPercent })),
  latency: (text) => whenDefined(number(text, 3_600_000), (latencyMs) => ({ latencyMs })),
  latencyx: (text) => whenDefined(number(text, 1000), (latencyFactor) => ({ latencyFactor })),
  crashafter: (text) => whenDefined(parseDuration(text), (crashAfterMs) => ({ crashAfterMs })),
  slowstart: (text) => whenDefined(parseDuration(text), (slowStartMs) => ({ slowStartMs })),
  slowstop: (text) => whenDefined(parseDuration(text), (slowStopMs) => ({ slowStopMs })),
  leak: (text) => whenDefined(parseDuration(text), (leakAfterMs) => ({ leakAfterMs })),
};

const known = [...Object.keys(settings).map((name) => `${name}-<value>`), ...Object.keys(flags)].join(', ');

/** Reads the behaviour out of `image`'s tag. */
export function parseImage(image: string): Parsed {
  if (image.includes('@')) return { error: `image "${image}": a digest names no behaviour; use a tag such as :v1` };
  const name = image.slice(image.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  const tag = colon < 0 ? 'latest' : name.slice(colon + 1);
  const [version = '', ...tokens] = tag.split('-');
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.]*$/.test(version))
    return { error: `image "${image}": the tag needs a version first` };
  return parseTokens(tokens, `image "${image}"`);
}

/** Reads the parts alone, as a fault at run time gives them. `ok` or nothing is a healthy pod. */
export function parseParts(text: string): Parsed {
  return parseTokens(text === '' || text === 'ok' ? [] : text.split('-'), `behaviour "${text}"`);
}

function parseTokens(tokens: string[], where: string): Parsed {
  let behaviour: Behaviour = { ...healthy };
  const seen = new Set<string>();
  for (let at = 0; at < tokens.length; at++) {
    const part = tokens[at] ?? '';
    if (seen.has(part)) return { error: `${where}: part "${part}" stands twice` };
    seen.add(part);
    const flag = flags[part];
    const setter = settings[part];
    if (flag === undefined && setter === undefined) {
      return { error: `${where}: unknown part "${part}"; known are ${known}` };
    }
    if (flag !== undefined) {
      behaviour = { ...behaviour, ...flag };
      continue;
    }
    at += 1;
    const argument = tokens[at] ?? '';
    const change = setter?.(argument);
    if (change === undefined) return { error: `${where}: part "${part}" cannot read its value "${argument}"` };
    behaviour = { ...behaviour, ...change };
  }
  return { behaviour };
}

function number(text: string, max: number): number | undefined {
  if (!/^\d{1,7}(?:\.\d{1,6})?$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function whenDefined<T>(
  value: T | undefined,
  change: (value: T) => Partial<Behaviour>,
): Partial<Behaviour> | undefined {
  return value === undefined ? undefined : change(value);
}
