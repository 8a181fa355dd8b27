/**
 * The two secrets of a checkout session.
 *
 * - The page token is the address `/pay/{token}`; it goes with the session and shows its end too, so it can be bookmarked. It is not
 *   stored: it is the session's id with a code over it under a key of the tenant (HMAC-SHA256), so it can be made again for a
 *   repeated request and a stolen table opens no page.
 * - The client token is for a browser that builds its own page: a stream token (`StreamTokens`) about this session only, for
 *   30 minutes, that may also choose and pay.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { StreamTokens } from '../../platform/auth/stream-tokens.ts';
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

const PAGE = /^([0-9a-hjkmnp-tv-z]{26})([\w-]{43})$/;
const ABOUT_SESSION = 'checkout/';

@Injectable()
export class CheckoutTokens {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly streamTokens: StreamTokens,
  ) {}

  async pageToken(tenantId: string, sessionId: string): Promise<string> {
    return `${bare(sessionId)}${await this.#code(tenantId, `page ${sessionId}`)}`;
  }

  async clientToken(tenantId: string, sessionId: string): Promise<string> {
    const about = [`${ABOUT_SESSION}${idOf('chk', sessionId)}`];
    return (await this.streamTokens.issue(tenantId, { purpose: 'checkout', about, lifeMs: CLIENT_TOKEN_MS })).secret;
  }

  /** The session behind a page's address; `undefined` when there is none, whatever is wrong with it. */
  async openPage(token: string): Promise<OpenedSession | undefined> {
    const [, id = '', code = ''] = PAGE.exec(token) ?? [];
    const sessionId = sessionIdOf(id);
    if (sessionId === undefined) return undefined;
    const [found] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ tenant: string | null }>('select find_checkout_tenant($1) as tenant', [sessionId]),
    );
    if (!found?.tenant) return undefined;
    const expected = await this.#code(found.tenant, `page ${sessionId}`);
    return timingSafeEqual(Buffer.from(expected), Buffer.from(code)) ? { tenantId: found.tenant, sessionId } : undefined;
  }

  /** The session behind a client token; `undefined` when it is no good, or no longer, or for something else. */
  async openClient(token: string): Promise<OpenedSession | undefined> {
    const opened = await this.streamTokens.find(token);
    if (opened?.purpose !== 'checkout') return undefined;
    const sessionId = sessionIdOf(opened.about[0]?.slice(`${ABOUT_SESSION}chk_`.length) ?? '');
    return sessionId === undefined ? undefined : { tenantId: opened.tenantId, sessionId };
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
