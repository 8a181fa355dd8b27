/** A span for each request, below the caller's when it names one in `traceparent`. Added only where traces are collected. */
import type { FastifyInstance } from 'fastify';
import { currentSpan, placeIn, type OpenSpan, type Tracer } from '../observability/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Absent where nothing is traced. */
    span?: OpenSpan;
  }
}

/** Asked every few seconds by machines: their spans would be most of what is stored. */
const UNTRACED: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);

export function traceRequests(fastify: FastifyInstance, tracer: Tracer): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    if (UNTRACED.has(route)) return done();
    const options = {
      kind: 'server',
      // The address is its pattern: ids and search words are nobody's business.
      attributes: { 'http.request.method': request.method, 'http.route': route, 'kassaflow.request': request.id },
    } as const;
    const caller = placeIn(request.headers['traceparent']);
    const name = `${request.method} ${route}`;
    request.span = caller ? tracer.startBelow(caller, name, options) : tracer.start(name, options);
    done();
  });
  // Behind the reading of the body, which comes back in a context of its own.
  fastify.addHook('preHandler', (request, _reply, done) => {
    if (request.span) currentSpan.run(request.span, done);
    else done();
  });
  fastify.addHook('onResponse', (request, { statusCode }, done) => {
    request.span?.set({ 'http.response.status_code': statusCode });
    request.span?.end(statusCode >= 500 ? String(statusCode) : undefined);
    done();
  });
}
