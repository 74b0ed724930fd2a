import type { FastifyReply } from 'fastify';

/** An error of the API as RFC 9457 writes it. */
export interface Problem {
  status: number;
  title: string;
  detail: string;
}

/** A refusal: thrown by routes and hooks, answered as problem+json. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  // As bytes, because the charset that fastify adds to text is no part of this media type.
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify({ type: 'about:blank', ...problem })));
}

/** Whatever was thrown as a problem. The text of an unexpected error stays inside: it may hold anything. */
export function problemOf(error: unknown): Problem {
  if (error instanceof HttpProblem) return error.problem;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500 && error instanceof Error) {
    return { status, title: 'Bad request', detail: error.message };
  }
  return { status: 500, title: 'Internal error', detail: 'The dashboard failed; its terminal says why.' };
}
