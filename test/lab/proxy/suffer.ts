import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ill, LineFault } from './faults.ts';
import { readAll, withoutHop } from './forward.ts';

/** One request on its way through a fault. */
export interface Passage {
  response: ServerResponse;
  /** Passes the request on; the API server's answer, its body unread. */
  send(): Promise<IncomingMessage>;
  /** Tells the client from memory and goes on later; false when nothing is remembered. */
  tellStale(ms: number): Promise<boolean>;
}

/** Does to a call what the fault says. True when the client has had all that it will get. */
export async function suffer(
  ill: Exclude<Ill, LineFault>,
  { response, send, tellStale }: Passage,
): Promise<IncomingMessage | 'over'> {
  switch (ill.kind) {
    case 'lost':
    case 'outage':
      response.destroy();
      return 'over';
    case 'answer lost':
      await readAll(await send());
      response.destroy();
      return 'over';
    case 'belied':
      await readAll(await send());
      refuse(response, ill);
      return 'over';
    case 'refused':
      refuse(response, ill);
      return 'over';
    case 'slow': {
      if (ill.side === 'request') await delay(ill.ms);
      const answer = await send();
      if (ill.side === 'answer') await delay(ill.ms);
      return answer;
    }
    case 'half-open':
      if (ill.side === 'answer') await readAll(await send());
      return await leave(response);
    case 'black hole':
      return await leave(response);
    case 'truncated': {
      const answer = await send();
      const body = await readAll(answer);
      const { 'content-length': _, ...headers } = withoutHop(answer);
      response.writeHead(answer.statusCode ?? 502, headers).end(body.subarray(0, body.length / 2));
      return 'over';
    }
    case 'garbage':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please sign in</html>');
      return 'over';
    case 'stale':
      return (await tellStale(ill.ms)) ? 'over' : await send();
  }
}

/** The client has to give up by itself. */
async function leave(response: ServerResponse): Promise<'over'> {
  if (!response.destroyed) await once(response, 'close');
  return 'over';
}

const REASONS: Record<number, string> = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function refuse(
  response: ServerResponse,
  { code, retryAfterSeconds, reason = REASONS[code] ?? '' }: Omit<Extract<Ill, { kind: 'refused' }>, 'kind'>,
): void {
  const message = `the server answers ${code} today`;
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  const wait = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  response.writeHead(code, { 'content-type': 'application/json', ...wait }).end(JSON.stringify(status));
}
