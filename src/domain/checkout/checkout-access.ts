import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../kernel/ids.ts';
import { authErrors } from '../../platform/auth/auth-errors.ts';
import { Authenticator } from '../../platform/auth/authenticate.ts';
import { allows, type Scope } from '../../platform/auth/scopes.ts';
import { checkoutErrors } from './checkout.errors.ts';
import { CLIENT_TOKEN_PREFIX, CheckoutTokens } from './checkout-tokens.ts';

/** Who may do something with one session. */
export interface SessionCaller {
  readonly tenantId: string;
  readonly sessionId: string;
  /** For the audit. */
  readonly actor: string;
}

/** Lets in the routes of one session: an API key with the scope, or that session's client token. */
@Injectable()
export class CheckoutAccess {
  constructor(
    private readonly tokens: CheckoutTokens,
    private readonly authenticator: Authenticator,
  ) {}

  /** @throws checkout.token for a client token that is over or of another session; auth.* for an API key; id.format */
  async enter(authorization: string | undefined, id: string, scope: Scope): Promise<SessionCaller> {
    const sessionId = uuidOf('chk', id);
    const bearer = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    if (bearer.startsWith(CLIENT_TOKEN_PREFIX)) {
      const opened = await this.tokens.openClient(bearer);
      if (opened?.sessionId !== sessionId) throw checkoutErrors.token();
      return { ...opened, actor: payerOf(id) };
    }
    const caller = await this.authenticator.authenticate(authorization);
    if (!allows(caller.scopes, scope)) throw authErrors['scope-required']({ scope });
    return { tenantId: caller.tenantId, sessionId, actor: caller.actor };
  }
}

/** Whoever holds the secret of a session, in the audit. */
export function payerOf(checkoutId: string): string {
  return `payer/${checkoutId}`;
}
