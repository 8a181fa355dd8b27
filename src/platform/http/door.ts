/**
 * The HTTP door: Fastify with limits, before any of our code sees a request.
 *
 * | what                | limit                                     | answer               |
 * |---------------------|-------------------------------------------|----------------------|
 * | headers             | 16 KiB, 10 s                              | 431, 408             |
 * | body                | 1 MiB, 10 s together with the headers     | 413, 408             |
 * | content type        | JSON, unless the route takes raw bodies   | 415                  |
 * | compressed body     | none                                      | 415                  |
 * | address             | exact: no other case, no trailing slash   | 404                  |
 * | X-Forwarded-*       | ignored                                   |                      |
 *
 * The content type is judged before the body is read; the body stays bytes until the guard has let the caller in
 * (`schema.pipe.ts`).
 */
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { KassaflowError } from '../../kernel/errors.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts';
import { requestErrors } from './request-errors.ts';
import { requestIds } from './request-id.ts';

export const BODY_LIMIT = 1_048_576;
const HEADER_LIMIT = 16_384;

export interface DoorOptions {
  /** How long a request may take to arrive. Default 10,000. */
  readonly arrivalMs?: number;
}

/** Fastify as we want it. Give it to `NestFactory.create(module, door)`, then `prepareHttp(app)` before `listen`. */
export class Door extends FastifyAdapter {
  constructor({ arrivalMs = 10_000 }: DoorOptions = {}) {
    const nextId = requestIds();
    super({
      bodyLimit: BODY_LIMIT,
      trustProxy: false,
      genReqId: nextId,
      requestTimeout: arrivalMs,
      // Idle connections live longer than those of common load balancers (60 s), so that they and not we close first.
      keepAliveTimeout: 65_000,
      http: { headersTimeout: arrivalMs, maxHeaderSize: HEADER_LIMIT, connectionsCheckingInterval: Math.min(1_000, arrivalMs) },
      routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false, maxParamLength: 200 },
      clientErrorHandler: (error, socket) => refuseConnection(error, socket, nextId()),
      skipMiddie: true,
    });
    const fastify = this.getInstance();
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  }

  /** Nest would add its own lenient parsers here. */
  override registerParserMiddleware(): void {}
}

/** Judges the headers of a request that announces a body; `undefined` lets it in. */
export function refusalOf({ headers, routeOptions }: FastifyRequest): KassaflowError | undefined {
  const type = headers['content-type'];
  const announcesBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  if (type === undefined && !announcesBody) return undefined;
  const { config } = routeOptions;
  if (headers['content-encoding'] !== undefined && config.body !== 'raw') return requestErrors['content-encoding']();
  if (config.body === 'raw' || routeOptions.url === undefined) return undefined;
  return type === 'application/json' || (type !== undefined && JSON_TYPE.test(type)) ? undefined : requestErrors['content-type']();
}

// Exactly these, nothing leading or trailing: lenient reading of this header was the way around validation four times
// in Fastify's history (GHSA-mg2h-6x62-wpwc and its sisters).
const JSON_TYPE = /^application\/(?:json|cloudevents\+json|cloudevents-batch\+json)(?:; ?charset="?utf-8"?)?$/i;

/** Answers on a connection whose bytes are not a request: no route, no hooks, only a socket. */
function refuseConnection(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(connectionRefusal(error.code), requestId);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-request-id: ${requestId}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function connectionRefusal(code = ''): KassaflowError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return requestErrors['body-timeout']();
  if (code === 'HPE_HEADER_OVERFLOW') return requestErrors['headers-too-large']();
  return requestErrors.framing({ found: code });
}
