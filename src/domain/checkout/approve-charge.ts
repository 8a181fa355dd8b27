/** The page on which a customer approves a charge that the bank has stopped (`payments/mandates/charge-approvals.service.ts`). */
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { parseMoney } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { Database } from '../../platform/database/transaction.ts';
import { ChargeApprovals, readConnections, type ApprovalPage, type ApprovalWish } from '../payments/index.ts';
import { CheckoutSessions, type SessionView } from './checkout-sessions.service.ts';
import { CheckoutTokens } from './checkout-tokens.ts';
import { beginSessionAttempt } from './session-attempts.ts';

const MINUTE_MS = 60_000;

@Injectable()
export class ApproveCharge implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly approvals: ChargeApprovals,
    private readonly sessions: CheckoutSessions,
    private readonly tokens: CheckoutTokens,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.approvals.offer((tenantId, wish) => this.#open(tenantId, wish));
  }

  async #open(tenantId: string, wish: ApprovalWish): Promise<ApprovalPage | undefined> {
    const made = await this.#session(tenantId, wish);
    if (!made) return undefined;
    if (wish.isOpen) await this.#takeUp(tenantId, made, wish);
    const { session, row } = await this.sessions.get(tenantId, made.row.id);
    const link = `${this.config.publicUrl}/pay/${await this.tokens.pageToken(tenantId, row.id)}`;
    return { link, status: session.status, payment: session.payment };
  }

  async #session(
    tenantId: string,
    { payment, connection, mandate, requestKey, returnUrl, expiresAt, actor }: ApprovalWish,
  ): Promise<SessionView | undefined> {
    const { isTest } = await this.sessions.merchant(tenantId);
    try {
      return await this.sessions.create(tenantId, {
        invoices: payment.invoices.map((id) => ({ id: uuidOf('inv', id) })),
        amount: parseMoney(payment.amount),
        split: 'oldest-first',
        description: payment.description,
        connection,
        capture: 'automatic',
        returnUrl: returnUrl ?? `${this.config.publicUrl}/pay/done`,
        metadata: payment.metadata,
        expiresInMinutes: Math.ceil((expiresAt.getTime() - this.clock.now().getTime()) / MINUTE_MS),
        mode: isTest ? 'test' : 'live',
        requestKey: `${requestKey}:approve`,
        actor,
        ...(mandate !== undefined && { replacesMandate: mandate }),
        ...(payment.customer !== '' && { customerId: uuidOf('cus', payment.customer) }),
      });
    } catch (error) {
      // Paid or credited by now: there is nothing to approve.
      if (isKassaflowError(error) && error.spec.status < 500) return undefined;
      throw error;
    }
  }

  /** The page goes on with the payment that there is: it is the session's first attempt. */
  #takeUp(tenantId: string, { row: { id: sessionId } }: SessionView, { requestKey, connection }: ApprovalWish): Promise<void> {
    return this.database.transact(tenantId, async (tx) => {
      const named = (await readConnections(tx)).find(({ id }) => idOf('con', id) === connection);
      const choice = named?.name ?? connection;
      await beginSessionAttempt(tx, { sessionId, choice, number: 1, requestKey, now: this.clock.now() });
    });
  }
}
