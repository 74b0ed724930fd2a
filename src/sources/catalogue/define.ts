import type { BuiltinKind, Gateway } from '#core/builtin.ts';
import type { ArmSplit, EventsSli, Matcher, Selector, Sli } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';

/**
 * What each gateway counts, and how it names the two Services in it. Pure: a Rollout's names in, selectors out.
 *
 * Laws, checked by test/sources/catalogue for every entry:
 * 1. Per arm: each series of the Service's own traffic belongs to one arm, and to the right one.
 * 2. Nobody else's: namespace and Service are pinned, by the arm's label or by a matcher, so that no series of another
 *    namespace, of another Service or of a Service whose name begins alike is counted.
 * 3. No guess: what a gateway cannot tell per arm is declared, with the reason and the way out.
 */
export interface Entry {
  gateway: Gateway;
  /** Product and versions that the names were checked with, for people. */
  title: string;
  /** How the names were checked, for people. */
  checked: string;
  /** What must be switched on before there are such series, for people. */
  needs: string;
  /** Whose requests the arms' counts are: those that the route splits, or also what reaches stable past it. */
  traffic: 'Route' | 'Service' | 'Pods';
  kinds: Readonly<Record<BuiltinKind, KindEntry>>;
  arms(target: Target): ArmSplit;
  /** Why the gateway's names do not tell these routes from others, with the fix; undefined when they do. */
  clash?(target: Target): string | undefined;
}

export type KindEntry =
  | {
      /** What is left out and what is bad, in words. */
      says: string;
      sli(target: Target): Sli;
      /** For latency: unit and bounds of the histogram. */
      buckets?: Buckets;
    }
  | { cannot: string };

/** The bounds of a classic histogram. */
export interface Buckets {
  unit: 'seconds' | 'milliseconds';
  /** Out of the box, in the unit. Empty where there are none. */
  bounds: readonly number[];
  /** How others are asked for; undefined when the bounds are built in. */
  change?: string;
}

/** What a release is about, in the words that gateways make their labels of. */
export interface Target {
  namespace: string;
  /** The user's Service, and ours beside it. */
  service: string;
  canaryService: string;
  /** Port of the Service that the routes send to. */
  port: number;
  /** The routes that are split, as they are at rest. */
  routes: readonly TargetRoute[];
  /** Routes of other namespaces that may be called alike, as far as they are known. */
  others?: readonly { namespace: string; name: string }[];
  /** For http-latency. */
  thresholdMs?: Millis;
}

export interface TargetRoute {
  name: string;
  /** Left out: the Services'. */
  namespace?: string;
  /** Gateways that it is attached to. */
  parents: readonly { namespace: string; name: string }[];
  rules: readonly TargetRule[];
}

/** A rule that names the Service, and what a release adds to it. The canary is put right behind the Service. */
export interface TargetRule {
  index: number;
  backend: number;
  /** Place of the filter that copies to the canary, among the rule's filters; undefined where no step copies. */
  copied?: number;
  /** Place of the rule that sends matched users to the canary alone; undefined where no step matches. */
  matched?: number;
}

/** Checks an entry against the contract where it is written. */
export function defineEntry(entry: Entry): Entry {
  return entry;
}

/**
 * gRPC statuses that are the server's fault, as OpenTelemetry's conventions have it for the status of a server's span:
 * UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS.
 */
export const GRPC_FAULTS = '2|4|12|13|14|15';
/** CANCELLED: the client gave up, which says nothing of the server. */
export const GRPC_CANCELLED = '1';

export function selector(metric: string, ...matchers: Matcher[]): Selector {
  return { metric, matchers };
}

/** `where('code', '=~', '5..')` */
export function where(label: string, op: Matcher['op'], value: string): Matcher {
  return { label, op, value };
}

/** Events of one counter: all that `among` says, and the bad ones among them. */
export function events(metric: string, { among = [], bad }: { among?: Matcher[]; bad: Matcher }): EventsSli {
  return { kind: 'events', total: selector(metric, ...among), bad: selector(metric, ...among, bad) };
}

/** A latency SLI in the histogram's own unit. Whoever calls has checked that there is a threshold. */
export function latency(histogram: Selector, { thresholdMs = 0 }: Target, { unit }: Buckets): Sli {
  const threshold = unit === 'seconds' ? thresholdMs / 1000 : thresholdMs;
  return { kind: 'latency', histogram, threshold, form: 'Classic' };
}

/** RE2 that matches exactly `text`. */
export function exactly(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** RE2 that matches any of several expressions. */
export function anyOf(expressions: readonly string[]): string {
  assert(expressions.length > 0, 'something is matched');
  return [...new Set(expressions)].sort().join('|');
}

/** The same as a part of a longer expression. One alone needs no group: plain patterns of many releases are asked together. */
export function grouped(expressions: readonly string[]): string {
  const any = anyOf(expressions);
  return expressions.length === 1 ? any : `(?:${any})`;
}
