import { type FastifyInstance, fastify } from 'fastify';
import { historyOf, viewRollout } from '#core/view.ts';
import type { Clock } from '#ports/clock.ts';
import { createBoard } from './board.ts';
import type { RolloutFeed } from './feed.ts';
import { checkHost, createSecretCheck, SECURITY_HEADERS } from './guard.ts';
import { HttpProblem, problemOf, sendProblem } from './problem.ts';
import { streamRoute } from './stream.ts';

/** A file of the page. */
export interface Asset {
  type: string;
  body: string | Uint8Array;
}

export interface ServerOptions {
  feed: RolloutFeed;
  /** What the page must show on every call to the API; random for each process. */
  secret: string;
  /** By path: `/`, `/app.js`. */
  assets: ReadonlyMap<string, Asset>;
  clock: Clock;
  /** Told of errors that nobody expected. */
  onError?: (error: unknown) => void;
}

/** The dashboard's server: read-only, for one person, on loopback. */
export function createServer({ feed, secret, assets, clock, onError }: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  const board = createBoard({ feed, clock });
  const checkSecret = createSecretCheck(secret);
  app.addHook('onClose', async () => board.close());
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    checkHost(request.headers.host);
    if (request.url.startsWith('/api/')) {
      reply.header('cache-control', 'no-store');
      checkSecret(request.headers.authorization);
    }
  });
  app.setErrorHandler((error, _request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500 && !(error instanceof HttpProblem)) onError?.(error);
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      title: 'Not found',
      detail: `There is no ${request.method} ${request.url} here.`,
    }),
  );
  assetRoutes(app, assets);
  rolloutRoutes(app, feed, () => board.views());
  streamRoute(app, { board, clock });
  return app;
}

function assetRoutes(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [path, { type, body }] of assets) {
    app.get(path, (_request, reply) =>
      reply.header('content-type', type).header('cache-control', 'no-cache').send(body),
    );
  }
}

function rolloutRoutes(app: FastifyInstance, feed: RolloutFeed, views: () => unknown[]): void {
  app.get('/api/rollouts', () => ({ rollouts: views() }));
  app.get<{ Params: { namespace: string; name: string } }>('/api/rollouts/:namespace/:name', ({ params }) => {
    const { rollouts, releases } = feed.snapshot();
    const rollout = rollouts.find((candidate) => {
      const { namespace, name } = viewRollout(candidate, []);
      return namespace === params.namespace && name === params.name;
    });
    if (rollout === undefined) {
      throw new HttpProblem({
        status: 404,
        title: 'Not found',
        detail: `There is no Rollout ${params.name} in namespace ${params.namespace}.`,
      });
    }
    const history = historyOf(releases, { namespace: params.namespace, rollout: params.name });
    return { rollout: viewRollout(rollout, releases), history };
  });
}
