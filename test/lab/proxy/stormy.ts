import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Call, callOf } from './faults.ts';
import type { Forward } from './forward.ts';
import type { Storm } from './storm.ts';
import { suffer } from './suffer.ts';
import { type Listing, relayWatch } from './watch-relay.ts';

/** A request that has been read and is to be passed on. */
export interface Departure {
  client: string;
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer | undefined;
  /** What the write says; undefined for what is no write. */
  label: string | undefined;
}

/** Passes requests on through a storm. Answers what is yet to be given to the client: nothing, when it is over. */
export type Travel = (departure: Departure, answered: (answer: IncomingMessage) => void) => Promise<Outcome>;

export type Outcome = IncomingMessage | 'over';

/** The way in fair weather. */
export function createPlainTravel(forward: Forward): Travel {
  return async ({ request, response, body }, answered) => {
    const answer = await forward(request, response, body === undefined ? {} : { body });
    answered(answer);
    return answer;
  };
}

export function createTravel(forward: Forward, storm: Storm): Travel {
  // The last listing of each kind, as one client was told it.
  const listings = new Map<string, Listing>();

  return async (departure, answered) => {
    const { client, request, response, body, label } = departure;
    const call = callOf(client, request.method ?? 'GET', request.url ?? '/', label);
    const send = async (path?: string): Promise<IncomingMessage> => {
      const instead = { ...(body === undefined ? {} : { body }), ...(path === undefined ? {} : { path }) };
      const answer = await forward(request, response, instead);
      answered(answer);
      if ((answer.statusCode ?? 500) < 300) notice(storm, call);
      return answer;
    };
    const watch = (answer: IncomingMessage, again: Call = call) => {
      const listed = (listing: Listing) => listings.set(pathOf(request), listing);
      return relayWatch({ call: again, answer, response, storm, listed });
    };
    const tellStale = async (ms: number): Promise<boolean> => {
      const listing = listings.get(pathOf(request));
      if (listing === undefined) return false;
      response.writeHead(200, { 'content-type': 'application/json' });
      for (const line of listing.lines) response.write(`${line}\n`);
      await sleepUnless(response, ms);
      if (!response.destroyed)
        await watch(await send(changesSince(request, listing.resourceVersion)), { ...call, initial: false });
      return true;
    };
    const ill = storm.meet(call);
    const answer = ill === undefined ? await send() : await suffer(ill, { response, send: () => send(), tellStale });
    if (answer === 'over' || call.verb !== 'watch' || answer.statusCode !== 200) return answer;
    await watch(answer);
    return 'over';
  };
}

function notice(storm: Storm, { client, verb, resource, label }: Call): void {
  if (label !== undefined) storm.accepted(label);
  if (resource === 'leases' && (verb === 'update' || verb === 'create')) storm.leads(client);
}

/** One client's watch of one kind. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return new URL(url, 'http://api').pathname;
}

/** The same watch, from a version on instead of from a listing. */
function changesSince({ url = '/' }: IncomingMessage, resourceVersion: string): string {
  const { pathname, searchParams } = new URL(url, 'http://api');
  searchParams.delete('sendInitialEvents');
  searchParams.delete('resourceVersionMatch');
  searchParams.set('resourceVersion', resourceVersion);
  return `${pathname}?${searchParams}`;
}

function sleepUnless(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
