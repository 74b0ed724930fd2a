import type { Reach } from '#core/words.ts';
import { grammar, group, int, list, ruled, text } from './vocabulary.ts';

/** As Gateway API takes it, for requests of HTTP and of gRPC alike. */
const HEADER_NAME = /^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$/;

const header = ruled(
  group({
    name: grammar({ max: 64, pattern: HEADER_NAME, says: 'must be the name of a header, such as x-beta' }).describe(
      'Name of the header, in any case.',
    ),
    value: text({ max: 256, min: 1 }).exactOptional().describe('The whole value. Give this or regex.'),
    regex: text({ max: 256, min: 1 })
      .exactOptional()
      .describe('A regular expression, in the grammar of the gateway. Not every gateway knows any.'),
  }),
  {
    cel: 'has(self.value) != has(self.regex)',
    message: 'give exactly one of value and regex',
    holds: ({ value, regex }) => (value === undefined) !== (regex === undefined),
  },
);

/** More than that is a policy, not a few users. */
const HEADERS_MAX = 4;

export const headers = () => list(header, { max: HEADERS_MAX, min: 1, unique: ['name'] });

/** Gateway API copies whole percents. */
export const mirror = () =>
  group({
    percent: int({ min: 1, max: 100 }).describe('Share of the requests that are copied, in whole percent.'),
  });

/** Members of a step or a record that say whom it sends to the canary instead of a share of everybody. */
export interface ReachFields {
  headers?: NonNullable<Reach['headers']>;
  mirror?: { percent: number };
}

export function reachOf({ headers: named, mirror: copies }: ReachFields): Reach | undefined {
  if (named !== undefined) return { headers: named };
  return copies === undefined ? undefined : { mirror: copies.percent * 1000 };
}

export function reachFields(reach: Reach | undefined): ReachFields {
  if (reach?.headers !== undefined) return { headers: reach.headers };
  return reach?.mirror === undefined ? {} : { mirror: { percent: Math.round(reach.mirror / 1000) } };
}
