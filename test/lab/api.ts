import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';

export interface ApiCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, from the root: `/api/v1/namespaces`. */
  readonly path: string;
  readonly body?: object;
  /** JSON Merge Patch for PATCH by default, else JSON. */
  readonly contentType?: string;
  /** Bearer token; the administrator's by default. */
  readonly token?: string;
}

export interface ApiAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** One call to the API server, any status answered as it is: tests assert refusals as often as successes. */
export type Api = <T = unknown>(call: ApiCall) => Promise<ApiAnswer<T>>;

export interface ApiAddress {
  readonly server: string;
  /** Left out for plain HTTP. */
  readonly caFile?: string;
  readonly token: string;
}

/** A plain client of our own, so that the lab never tests the operator's transport with itself. */
export function createApi({ server, caFile, token: ownToken }: ApiAddress): Api {
  let agent: Agent | undefined;
  return async <T>({ method = 'GET', path, body, contentType, token = ownToken }: ApiCall) => {
    // Read at the first call: the API server writes its certificate only when it starts.
    agent ??= new Agent(caFile === undefined ? {} : { connect: { ca: readFileSync(caFile) } });
    const type = contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const answer = await request(new URL(path, server), {
      dispatcher: agent,
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: parse(text) as T };
  };
}

/** Health endpoints answer in plain text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The body of a call that has to succeed. */
export async function expectOk<T>(answer: Promise<ApiAnswer<T>>, what: string): Promise<T> {
  const { status, body } = await answer;
  if (status >= 200 && status < 300) return body;
  throw new Error(`${what}: the API server answered ${status}: ${JSON.stringify(body).slice(0, 500)}`);
}
