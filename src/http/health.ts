import fastify from 'fastify';

export interface HealthOptions {
  address: string;
  /** 0 picks a free port. */
  port: number;
  /** Event loop and caches are alive. Reaching the API server is not asked: a restart would not mend that. */
  live(): boolean;
  /** Caches are filled: leader or standby, this process could take over now. */
  ready(): boolean;
  /** Prometheus text exposition. */
  metrics(): string;
}

/** The operator's own port: /livez, /readyz, /metrics. Returns its address and how to end it. */
export async function serveHealth({
  address,
  port,
  live,
  ready,
  metrics,
}: HealthOptions): Promise<{ url: string; close(): Promise<void> }> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 1024 });
  app.get('/livez', (_request, reply) => reply.code(live() ? 200 : 503).send(live() ? 'ok\n' : 'silent\n'));
  app.get('/readyz', (_request, reply) => reply.code(ready() ? 200 : 503).send(ready() ? 'ok\n' : 'syncing\n'));
  app.get('/metrics', (_request, reply) => reply.type('text/plain; version=0.0.4').send(metrics()));
  const url = await app.listen({ host: address, port });
  return { url, close: () => app.close() };
}
