/** What is kept of each request: a number in a histogram, and a line in the log when it failed or when debugging. */
import type { FastifyInstance } from 'fastify';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';

/**
 * Adds the hook. At level `info` a request that went well writes no line: at thousands of events per second the log would
 * cost more than the events. The address is logged as its pattern, because ids and search words are nobody's business.
 */
export function logRequests(fastify: FastifyInstance, log: Log, metrics: Metrics): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { statusCode, elapsedTime } = reply;
    const route = request.routeOptions.url ?? 'none';
    metrics.httpRequestSeconds.observe({ method: request.method, route, status: `${Math.floor(statusCode / 100)}xx` }, elapsedTime / 1_000);
    const level = statusCode >= 500 ? 'warn' : statusCode >= 400 ? 'info' : 'debug';
    if (log.isLevelEnabled(level)) {
      const key = request.caller?.actor;
      log[level](
        { context: 'http', requestId: request.id, method: request.method, route, status: statusCode, ms: Math.round(elapsedTime), key },
        'request',
      );
    }
    done();
  });
}
