/**
 * The two secrets of a checkout session, neither of which is stored: both are the session's id with a code over it under a key
 * of the tenant (HMAC-SHA256), so they can be made again for a repeated request and a stolen table opens no page.
 *
 * - The page token is the address `/pay/{token}`; it goes with the session and shows its end too, so it can be bookmarked.
 * - The client token is for a browser that builds its own page: 30 minutes, this session only.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Sealer } from '../../platform/secrets/sealer.ts';
import { NO_TENANT } from '../../platform/tenancy/no-tenant.ts';

/** What a token opens. */
export interface OpenedSession {
  readonly tenantId: string;
  readonly sessionId: string;
}

/** How long a client token is good. */
export const CLIENT_TOKEN_MS = 30 * 60_000;
/** How a client token begins, so that it is never taken for an API key. */
export const CLIENT_TOKEN_PREFIX = 'kfc_';

const PAGE = /^([0-9a-hjkmnp-tv-z]{26})([\w-]{43})$/;
const CLIENT = /^kfc_([0-9a-hjkmnp-tv-z]{26})([0-9a-z]{8,9})([\w-]{43})$/;

@Injectable()
export class CheckoutTokens {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async pageToken(tenantId: string, sessionId: string): Promise<string> {
    return `${bare(sessionId)}${await this.#code(tenantId, `page ${sessionId}`)}`;
  }

  async clientToken(tenantId: string, sessionId: string): Promise<string> {
    const until = (this.clock.now().getTime() + CLIENT_TOKEN_MS).toString(36);
    return `${CLIENT_TOKEN_PREFIX}${bare(sessionId)}${until}${await this.#code(tenantId, `client ${sessionId} ${until}`)}`;
  }

  /** The session behind a page's address; `undefined` when there is none, whatever is wrong with it. */
  async openPage(token: string): Promise<OpenedSession | undefined> {
    const [, id = '', code = ''] = PAGE.exec(token) ?? [];
    return this.#open(id, code, (sessionId) => `page ${sessionId}`);
  }

  /** The session behind a client token; `undefined` when it is no good, or no longer. */
  async openClient(token: string): Promise<OpenedSession | undefined> {
    const [, id = '', until = '', code = ''] = CLIENT.exec(token) ?? [];
    if (Number.parseInt(until, 36) <= this.clock.now().getTime()) return undefined;
    return this.#open(id, code, (sessionId) => `client ${sessionId} ${until}`);
  }

  async #open(id: string, code: string, text: (sessionId: string) => string): Promise<OpenedSession | undefined> {
    const sessionId = sessionIdOf(id);
    if (sessionId === undefined) return undefined;
    const [found] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ tenant: string | null }>('select find_checkout_tenant($1) as tenant', [sessionId]),
    );
    if (!found?.tenant) return undefined;
    const expected = await this.#code(found.tenant, text(sessionId));
    return timingSafeEqual(Buffer.from(expected), Buffer.from(code)) ? { tenantId: found.tenant, sessionId } : undefined;
  }

  async #code(tenantId: string, text: string): Promise<string> {
    const key = await this.sealer.hashingKey(tenantId, 'checkout tokens');
    return createHmac('sha256', key).update(text).digest('base64url');
  }
}

function bare(sessionId: string): string {
  return idOf('chk', sessionId).slice('chk_'.length);
}

function sessionIdOf(text: string): string | undefined {
  try {
    return uuidOf('chk', `chk_${text}`);
  } catch (error) {
    if (isKassaflowError(error)) return undefined;
    throw error;
  }
}
