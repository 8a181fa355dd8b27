/**
 * Money that is reserved and not yet taken: capturing it, and letting go of a payment before any was taken.
 *
 * Both are attempts as described in `payment-attempts.ts`: written down with the amount before the call leaves, at most one
 * of them under way per payment, so that two captures of the same money cannot cross. What became of the payment is read off
 * the facts that the provider answers, like everywhere; a capture's amount is remembered only to tell whether the provider
 * took what was asked.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Outcome } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, parseMoney, toWire, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { AuthorizationAttempts } from './captures/authorization-attempts.ts';
import { attemptOfRequest, beginAttempt, hasOpenAttempt, type Attempt } from './payment-attempts.ts';
import { beginChecks } from './payment-checks.ts';
import { PaymentEntity, type PaymentRow } from './payment.entity.ts';
import { paymentErrors } from './payment.errors.ts';
import { isOpen } from './payment.ts';
import { Payments, type PaymentView } from './payments.service.ts';

/** A capture or cancellation as a caller asks for it. */
export interface AuthorizationWish {
  readonly paymentId: string;
  readonly requestKey: string;
  readonly actor: string;
}

/** `amount`: default is all that is reserved and not yet taken. */
export type CaptureWish = AuthorizationWish & { readonly amount?: Money };

@Injectable()
export class Authorizations {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly payments: Payments,
    private readonly attempts: AuthorizationAttempts,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes reserved money. Without an answer the payment stays as it is, and `ResolveAttempts` finds out.
   *
   * @throws payment.not-found, payment.capture-state, payment.capture-exceeds, payment.currency-mix, payment.busy,
   *   payment.not-supported, payment.refused when the provider says no
   */
  capture(tenantId: string, wish: CaptureWish): Promise<PaymentView> {
    return this.#carryOut(tenantId, 'capture', wish, async (tx, row) => {
      const amount = captureAmount(row, wish.amount);
      row.captureAskedMinor += amount.minor;
      row.capturePendingMinor = amount.minor;
      return { providerId: row.providerId, amount: toWire(amount) };
    });
  }

  /** Lets go of a payment of which nothing was taken. Errors as {@link capture}, with payment.cancel-state. */
  cancel(tenantId: string, wish: AuthorizationWish): Promise<PaymentView> {
    return this.#carryOut(tenantId, 'cancel', wish, async (_tx, row) => {
      if (!isOpen(row.state) || row.providerId === null) throw paymentErrors['cancel-state']({ status: row.state });
      return { providerId: row.providerId };
    });
  }

  /**
   * Decides an attempt that can no longer be repeated, by how the payment stands: minutes after the call the provider's
   * totals contain it, or it never happened. Without an answer it stays unknown.
   */
  async decideByFacts(tenantId: string, attempt: Attempt): Promise<void> {
    const { kind } = await this.payments.refresh(tenantId, attempt.paymentId);
    await this.database.transact(tenantId, async (tx) => {
      const row = await this.payments.lock(tx, attempt.paymentId);
      const isDone = attempt.operation === 'capture' ? row.capturedMinor >= row.captureAskedMinor : !isOpen(row.state);
      await this.attempts.record(tx, row, attempt, kind === 'applied' ? verdict(isDone) : { kind: 'unknown', message: 'not found out' });
    });
  }

  async #carryOut(
    tenantId: string,
    operation: 'capture' | 'cancel',
    wish: AuthorizationWish,
    prepare: (tx: Transaction, row: PaymentRow) => Promise<object>,
  ): Promise<PaymentView> {
    const payment = await this.database.transact(tenantId, (tx) => tx.em.findOne(PaymentEntity, { id: wish.paymentId }));
    if (!payment) throw paymentErrors['not-found']();
    const { id, connectionId } = payment;
    if (!(await this.calls.has(connectionId, `payments.${operation}`))) throw paymentErrors['not-supported']({ operation });
    const begun = await this.database.transact(tenantId, async (tx) => {
      const row = await this.payments.lock(tx, id);
      if (await attemptOfRequest(tx, wish.requestKey)) return undefined;
      if (await hasOpenAttempt(tx, id)) throw paymentErrors.busy();
      const request = await prepare(tx, row);
      await tx.em.flush();
      await beginChecks(tx, row, this.clock.now());
      await this.audit.append(tx, {
        actor: wish.actor,
        action: `payment.${operation}`,
        subject: `payment/${idOf('pay', id)}`,
        detail: detailOf(request),
      });
      return beginAttempt(tx, { paymentId: id, operation, request, requestKey: wish.requestKey, now: this.clock.now() });
    });
    if (begun) await this.attempts.send(tenantId, connectionId, begun);
    const refusal = await this.database.transact(tenantId, (tx) => attemptOfRequest(tx, wish.requestKey));
    if (refusal?.state === 'failed') throw paymentErrors.refused({ operation, provider: refusal.message });
    return this.payments.get(tenantId, id);
  }
}

/** @throws payment.currency-mix, payment.capture-state, payment.capture-exceeds */
function captureAmount(row: PaymentRow, wanted: Money | undefined): Money {
  if (wanted && wanted.currency !== row.currency) throw paymentErrors['currency-mix']({ payment: row.currency, capture: wanted.currency });
  const left = row.authorizedMinor - row.voidedMinor - row.capturedMinor;
  if (left <= 0n) throw paymentErrors['capture-state']({ status: row.state });
  const amount = wanted?.minor ?? left;
  if (amount <= 0n || amount > left) {
    throw paymentErrors['capture-exceeds']({ left: toWire(money(left, row.currency)).amount, currency: row.currency });
  }
  return money(amount, row.currency);
}

function verdict(isDone: boolean): Outcome<undefined> {
  if (isDone) return { kind: 'ok', value: undefined, reference: '' };
  return { kind: 'failed', reason: 'permanent', message: 'The provider never carried it out' };
}

/** The amount, for the audit; the rest of a request is known from the payment. */
function detailOf(request: object): Readonly<Record<string, string>> {
  return 'amount' in request ? { ...toWire(parseMoney(request.amount)) } : {};
}
