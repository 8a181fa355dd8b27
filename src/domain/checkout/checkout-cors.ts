/**
 * Which pages of other origins may use the routes of one session with its client token: those of the addresses that the session leads
 * back to, and the tenant's listed portals. Nobody else's, never `null`, never with cookies.
 *
 * The answer to the browser's question before the request (OPTIONS) cannot know the token, so the session in the address decides.
 */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { Database } from '../../platform/database/transaction.ts';
import { letPageRead, preflightFor } from '../../platform/http/cors.ts';
import { NO_TENANT } from '../../platform/tenancy/no-tenant.ts';
import { listedOrigins } from '../portals/index.ts';

const PREFLIGHT = preflightFor('GET, POST');

/** Names the caller's page in the answer when it may read it; lets every request on, because tokens decide about those. */
@Injectable()
export class CheckoutCors implements CanActivate {
  constructor(private readonly database: Database) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const { origin } = request.headers;
    void reply.header('vary', 'origin');
    if (origin === undefined || !(await this.#allows(request.params.id ?? '', origin))) return true;
    letPageRead(reply, origin);
    if (request.method === 'OPTIONS') void reply.headers(PREFLIGHT);
    return true;
  }

  async #allows(id: string, origin: string): Promise<boolean> {
    const sessionId = sessionIdOf(id);
    if (sessionId === undefined) return false;
    const [found] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ tenant: string | null }>('select find_checkout_tenant($1) as tenant', [sessionId]),
    );
    if (!found?.tenant) return false;
    return this.database.transact(found.tenant, async (tx) => {
      const [session] = await tx.query<{ return_url: string; cancel_url: string | null }>(
        'select return_url, cancel_url from checkout_session where id = $1',
        [sessionId],
      );
      const own = [session?.return_url, session?.cancel_url].flatMap((text) => (text ? [URL.parse(text)?.origin] : []));
      return own.includes(origin) || (await listedOrigins(tx)).includes(origin);
    });
  }
}

function sessionIdOf(id: string): string | undefined {
  try {
    return uuidOf('chk', id);
  } catch (error) {
    if (isKassaflowError(error)) return undefined;
    throw error;
  }
}
