/**
 * Which pages of other origins may read what a stream token opens: those that the token's tenant says are its portals'.
 *
 * The question before the request (OPTIONS) comes without the token, so any page may ask, and it is told so; a page can do no more with
 * that than any program can. Only with the token is it known whose page it has to be. Why a token was refused any page may read: a page
 * has to tell a token that is over from a line that is down. Holders of API keys are servers, and no page is ever let read for them.
 */
import { applyDecorators, Header, HttpCode, Injectable, Options } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { letPageRead, preflightFor } from '../http/cors.ts';
import { Public } from './access.ts';

/** Tells whether the origin, as a browser writes it, is one of the tenant's portals'. */
export type OriginRule = (tenantId: string, origin: string) => Promise<boolean>;

/** Who knows the portals offers the rule; without one no page is let read. */
@Injectable()
export class PageOrigins {
  #rule: OriginRule = () => Promise.resolve(false);

  decideBy(rule: OriginRule): void {
    this.#rule = rule;
  }

  /** Lets the page behind the request read the answer, if it is one of the tenant's. */
  async letRead({ headers: { origin } }: FastifyRequest, reply: FastifyReply, tenantId: string): Promise<void> {
    if (origin === undefined) return;
    void reply.header('vary', 'origin');
    if (await this.#rule(tenantId, origin)) letPageRead(reply, origin);
  }
}

/** The handler answers the browser's question before a request with a stream token to any of `paths`. It has nothing to do. */
export function StreamPreflight(...paths: string[]): MethodDecorator {
  const headers = Object.entries({ 'access-control-allow-origin': '*', ...preflightFor('GET') });
  return applyDecorators(
    Options(paths),
    Public(),
    HttpCode(204),
    ApiExcludeEndpoint(),
    ...headers.map(([name, value]) => Header(name, value)),
  );
}
