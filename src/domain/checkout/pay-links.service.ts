import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { CheckoutSessions } from './checkout-sessions.service.ts';
import { CheckoutTokens } from './checkout-tokens.ts';

const MINUTES_PER_DAY = 1_440;

/** Pages on which customers pay an invoice without a portal: their addresses go out by mail or text. */
@Injectable()
export class PayLinks {
  constructor(
    private readonly sessions: CheckoutSessions,
    private readonly tokens: CheckoutTokens,
    private readonly config: Config,
  ) {}

  /** Makes the page, or finds the one that this request made. @throws what `CheckoutSessions.create` throws */
  async make(
    tenantId: string,
    wish: {
      readonly invoiceId: string;
      readonly days: number;
      readonly requestKey: string;
      readonly actor: string;
      /** Default: a page of ours that says thank you. */
      readonly returnUrl?: string;
    },
  ): Promise<{ readonly link: string; readonly checkout: string }> {
    const { isTest } = await this.sessions.merchant(tenantId);
    const { session, row } = await this.sessions.create(tenantId, {
      invoices: [{ id: wish.invoiceId }],
      split: 'oldest-first',
      capture: 'automatic',
      returnUrl: wish.returnUrl ?? `${this.config.publicUrl}/pay/done`,
      metadata: {},
      expiresInMinutes: wish.days * MINUTES_PER_DAY,
      mode: isTest ? 'test' : 'live',
      requestKey: wish.requestKey,
      actor: wish.actor,
    });
    return { link: `${this.config.publicUrl}/pay/${await this.tokens.pageToken(tenantId, row.id)}`, checkout: session.id };
  }
}
