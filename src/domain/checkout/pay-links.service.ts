import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { CheckoutSessions, type SessionWish } from './checkout-sessions.service.ts';
import { CheckoutTokens } from './checkout-tokens.ts';

const MINUTES_PER_DAY = 1_440;

/** What a page is to pay. Default amount: all that is open on the invoices. */
export type PaidByLink = Pick<SessionWish, 'invoices' | 'amount' | 'description' | 'customerId'>;

export interface PayLink {
  readonly link: string;
  /** `chk_…`. */
  readonly checkout: string;
}

/** For how long, and for whom. */
export interface LinkTerms {
  readonly days: number;
  /** A repeat returns the first page. */
  readonly requestKey: string;
  readonly actor: string;
  /** Default: a page of ours that says thank you. */
  readonly returnUrl?: string;
}

/** Pages on which customers pay without a portal: their addresses go out by mail or text. */
@Injectable()
export class PayLinks {
  constructor(
    private readonly sessions: CheckoutSessions,
    private readonly tokens: CheckoutTokens,
    private readonly config: Config,
  ) {}

  /** As {@link of}, over what is open on one invoice. @throws what `CheckoutSessions.create` throws */
  make(tenantId: string, { invoiceId, ...terms }: LinkTerms & { readonly invoiceId: string }): Promise<PayLink> {
    return this.of(tenantId, { invoices: [{ id: invoiceId }] }, terms);
  }

  /** Makes the page, or finds the one that this request made. @throws what `CheckoutSessions.create` throws */
  async of(tenantId: string, paid: PaidByLink, { days, requestKey, actor, returnUrl }: LinkTerms): Promise<PayLink> {
    const { isTest } = await this.sessions.merchant(tenantId);
    const { session, row } = await this.sessions.create(tenantId, {
      ...paid,
      split: 'oldest-first',
      capture: 'automatic',
      returnUrl: returnUrl ?? `${this.config.publicUrl}/pay/done`,
      metadata: {},
      expiresInMinutes: days * MINUTES_PER_DAY,
      mode: isTest ? 'test' : 'live',
      requestKey,
      actor,
    });
    return { link: `${this.config.publicUrl}/pay/${await this.tokens.pageToken(tenantId, row.id)}`, checkout: session.id };
  }
}
