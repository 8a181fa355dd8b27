/**
 * The one place where a request is let in or not: global, so that no spelling of an address goes around it (three
 * authentication middlewares on Fastify were passed by HEAD, by percent-encoding and by a trailing slash in 2026).
 */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { letPageRead } from '../http/cors.ts';
import { ACCESS, type Access } from './access.ts';
import { authErrors } from './auth-errors.ts';
import { Authenticator } from './authenticate.ts';
import { STREAM_TOKEN } from './follower.ts';
import { PageOrigins } from './page-origins.ts';
import { allows } from './scopes.ts';
import { followerByToken, StreamTokens, streamTokenIn } from './stream-tokens.ts';

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly tokens: StreamTokens,
    private readonly pages: PageOrigins,
  ) {}

  /** @throws auth.* ; a route that declares nothing is refused, whoever asks */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (KEY_IN_QUERY.test(request.url)) throw authErrors['key-in-url']();
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
    if (access?.kind === 'public') return true;
    const token = streamTokenIn(request.headers.authorization);
    if (token !== undefined) return this.#followByToken(request, token, context);
    const caller = await this.authenticator.authenticate(request.headers.authorization);
    if (access === undefined || !allows(caller.scopes, access.scope)) {
      throw authErrors['scope-required']({ scope: access?.scope ?? 'none is enough' });
    }
    request.caller = caller;
    return true;
  }

  /** @throws auth.stream-token on a route for keys only, so that a token tells nobody whether it is still good; auth.stream-token-… */
  async #followByToken(request: FastifyRequest, text: string, context: ExecutionContext): Promise<boolean> {
    const takesTokens = this.reflector.getAllAndOverride<boolean | undefined>(STREAM_TOKEN, [context.getHandler(), context.getClass()]);
    if (!takesTokens) throw authErrors['stream-token']();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const token = await this.tokens.open(text).catch((error: unknown) => {
      letPageRead(reply, '*');
      throw error;
    });
    await this.pages.letRead(request, reply, token.tenantId);
    request.follower = followerByToken(token);
    return true;
  }
}

const KEY_IN_QUERY = /\?.*kfs?(?:_|%5f)(?:test|live)(?:_|%5f)/i;
