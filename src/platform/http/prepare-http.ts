/** Puts the parts of the HTTP door together around an application; `main` and tests use the same. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Authenticator } from '../auth/authenticate.ts';
import { LOG, type Log } from '../observability/log.ts';
import { Metrics } from '../observability/metrics.ts';
import { Tracing } from '../observability/tracing.ts';
import { AllowedMethods } from './allowed-methods.ts';
import { refusalOf } from './door.ts';
import { OpenApi } from './openapi.ts';
import { limitRate } from './rate-limit.ts';
import { logRequests } from './request-log.ts';
import { traceRequests } from './request-trace.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { SseStreams, type SseLimits } from './sse.ts';

export interface HttpOptions {
  /** Requests per API key or address and minute; 0 for no limit. */
  readonly requestsPerMinute: number;
  /** Without it there is no limit. */
  readonly streams?: SseLimits;
  /** Kassaflow's own version, for the OpenAPI document. */
  readonly version: string;
}

/**
 * To be called after `NestFactory.create(module, new Door())` and before `app.init()` or `app.listen()`: hooks and plugins
 * count for the routes registered after them.
 */
export async function prepareHttp(app: NestFastifyApplication, { requestsPerMinute, streams, version }: HttpOptions): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  const allowedMethods = app.get(AllowedMethods);
  fastify.addHook('onRoute', ({ url, method }) => allowedMethods.learn(url, [method].flat()));
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  const { tracer } = app.get(Tracing);
  if (tracer) traceRequests(fastify, tracer);
  logRequests(fastify, app.get<Log>(LOG), app.get(Metrics));
  // In this order, so that a refusal too has its id, its line in the log and the security headers.
  await addSecurityHeaders(fastify);
  fastify.addHook('onRequest', (request, _reply, done) => done(refusalOf(request)));
  if (requestsPerMinute > 0) {
    const authenticator = app.get(Authenticator);
    await limitRate(fastify, { perMinute: requestsPerMinute, knownKey: ({ headers }) => authenticator.knownKey(headers.authorization) });
  }
  if (streams) app.get(SseStreams).limit(streams);
  app.get(OpenApi).describe(app, version);
}
