/** The last stop of everything thrown: writes the problem, and logs what an operator must know. */
import { Catch, HttpException, Injectable, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isKassaflowError, type KassaflowError } from '../../kernel/errors.ts';
import { asDatabaseError } from '../database/sql-state.ts';
import { placeIn } from '../observability/tracing.ts';
import { AllowedMethods } from './allowed-methods.ts';
import { PROBLEM_MEDIA_TYPE, problemHeaders, problemOf } from './problem.ts';
import { internalErrors, requestErrors } from './request-errors.ts';

@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log = new Logger('http');

  constructor(private readonly allowedMethods: AllowedMethods) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = this.#known(exception, request, reply);
    if (error.spec.status >= 500) this.#log.error({ msg: error.code, requestId: request.id, err: exception });
    // An event stream or a proxied answer has begun: there is no status left to change.
    if (reply.sent) return;
    void reply
      .status(error.spec.status)
      .headers(problemHeaders(error))
      .type(PROBLEM_MEDIA_TYPE)
      .send(JSON.stringify(problemOf(error, request.id, traceOf(request))));
  }

  #known(exception: unknown, request: FastifyRequest, reply: FastifyReply): KassaflowError {
    if (isKassaflowError(exception)) return exception;
    if (!(exception instanceof HttpException)) return asDatabaseError(exception) ?? internalErrors.unexpected({}, { cause: exception });
    const code = frameworkCode(exception.cause);
    const door = code === undefined ? undefined : OF_FRAMEWORK[code];
    if (door) return requestErrors[door]();
    if (exception.getStatus() === 404) return this.#nothingThere(request, reply);
    return internalErrors.unexpected({}, { cause: exception });
  }

  #nothingThere(request: FastifyRequest, reply: FastifyReply): KassaflowError {
    const methods = this.allowedMethods.of(request.url);
    if (methods.length === 0 || methods.includes(request.method)) return requestErrors['not-found']();
    void reply.header('allow', methods.join(', '));
    return requestErrors['method-not-allowed']({ method: request.method, allowed: methods.join(', ') });
  }
}

/** Known where nothing is traced too, when the caller names it: it is what its own people look for. */
function traceOf({ span, headers }: FastifyRequest): string | undefined {
  return (span?.place ?? placeIn(headers['traceparent']))?.traceId;
}

/** What Fastify refuses by itself, in our words. */
const OF_FRAMEWORK: Readonly<Record<string, keyof typeof requestErrors>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'content-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'framing',
  FST_ERR_BAD_URL: 'bad-uri',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
  FST_ERR_ROUTE_METHOD_NOT_SUPPORTED: 'method-not-allowed',
};

function frameworkCode(cause: unknown): string | undefined {
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
