import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../kernel/ids.ts';
import { authErrors } from '../../platform/auth/auth-errors.ts';
import { Authenticator } from '../../platform/auth/authenticate.ts';
import type { Caller } from '../../platform/auth/caller.ts';
import { followerByKey, isAbout, type Follower } from '../../platform/auth/follower.ts';
import { allows, type Scope } from '../../platform/auth/scopes.ts';
import { followerByToken, streamTokenIn, StreamTokens } from '../../platform/auth/stream-tokens.ts';
import { checkoutErrors } from './checkout.errors.ts';
import { CheckoutTokens } from './checkout-tokens.ts';

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
    private readonly streamTokens: StreamTokens,
  ) {}

  /** @throws checkout.token for a client token that is over or of another session; auth.* for an API key; id.format */
  async enter(authorization: string | undefined, id: string, scope: Scope): Promise<SessionCaller> {
    const sessionId = uuidOf('chk', id);
    const token = streamTokenIn(authorization);
    if (token !== undefined) {
      const opened = await this.tokens.openClient(token);
      if (opened?.sessionId !== sessionId) throw checkoutErrors.token();
      return { ...opened, actor: payerOf(id) };
    }
    const caller = requireScope(await this.authenticator.authenticate(authorization), scope);
    return { tenantId: caller.tenantId, sessionId, actor: caller.actor };
  }

  /** Lets in whoever follows the session, which takes any stream token about it. @throws checkout.token, auth.*, id.format */
  async follow(authorization: string | undefined, id: string): Promise<Follower & { readonly sessionId: string }> {
    const sessionId = uuidOf('chk', id);
    const token = streamTokenIn(authorization);
    if (token === undefined) {
      const caller = requireScope(await this.authenticator.authenticate(authorization), 'payments:read');
      return { ...followerByKey(caller), sessionId };
    }
    const opened = await this.streamTokens.find(token);
    if (!opened || !isAbout(opened.about, `checkout/${id}`)) throw checkoutErrors.token();
    return { ...followerByToken(opened), sessionId };
  }
}

/** Whoever holds the secret of a session, in the audit. */
export function payerOf(checkoutId: string): string {
  return `payer/${checkoutId}`;
}

function requireScope(caller: Caller, scope: Scope): Caller {
  if (!allows(caller.scopes, scope)) throw authErrors['scope-required']({ scope });
  return caller;
}
