import { canonicalJson } from '#lib/json.ts';
import { formatPercent, type Weight } from '#lib/units.ts';
import type { Step } from './model.ts';
import { figure, percent, present, type Raw, record, records, text } from './raw.ts';
import type { HeaderMatch, Reach } from './words.ts';

/** What a route says where its rules disagree about it: nobody's wish. */
export const MIXED_REACH = 'mixed';

/** One text for one reach, so that what a route carries can be compared with what a record grants. */
export function formatReach(reach: Reach | undefined): string | undefined {
  return reach === undefined ? undefined : canonicalJson(reach);
}

/** For people: what a rung sends to the canary. */
export function shareWords({ weight, reach }: Pick<Step, 'weight' | 'reach'>): string {
  if (reach?.mirror !== undefined) return `copies of ${formatPercent(reach.mirror)} of the requests`;
  if (reach?.headers === undefined) return formatPercent(weight);
  return `users with ${reach.headers.map(headerWords).join(' and ')}`;
}

/** The same in few letters, for a ladder: the names of the headers, or how much is copied. */
export function shortReach({ headers, mirror }: Reach): string {
  return mirror === undefined ? (headers ?? []).map(({ name }) => name).join('+') : `${formatPercent(mirror)} copied`;
}

/** Reads what a step of a plan, or a state, says of it, as any version has written it. */
export function readReach(said: Raw): Reach | undefined {
  const headers = records(said['headers']).flatMap((header): HeaderMatch[] => {
    const name = text(header['name']);
    return name === undefined
      ? []
      : [present<HeaderMatch>({ name, value: text(header['value']), regex: text(header['regex']) })];
  });
  if (headers.length > 0) return { headers };
  const mirror = figure(said['mirror']) ?? percentOf(record(said, 'mirror'));
  return mirror === undefined ? undefined : { mirror };
}

function percentOf({ percent: given }: Raw): Weight | undefined {
  return percent(given);
}

function headerWords({ name, value, regex }: HeaderMatch): string {
  return regex === undefined ? `${name}: ${value ?? ''}` : `${name} like ${regex}`;
}
