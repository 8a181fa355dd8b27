/** How what settlements tell becomes facts of a payment; `settled-facts.ts` says why it is kept apart. */
import { Injectable } from '@nestjs/common';
import type { DisputeFacts, RefundFacts } from '@kassaflow/plugin-sdk';
import { Database } from '../../platform/database/transaction.ts';
import { ApplyFacts, amountsOf } from './apply-facts.ts';
import type { PaymentRow } from './payment.entity.ts';
import type { Facts } from './payment.ts';
import { Payments } from './payments.service.ts';

/** Totals over all settlement lines of one payment, in minor units of its currency. */
export interface SettledMoney {
  /** Charged back and not returned. */
  readonly chargedBack?: bigint;
  readonly disputes?: readonly DisputeFacts[];
  /** Refunds that only the report has, by the provider's ids. */
  readonly refunds?: readonly RefundFacts[];
  /** When the newest of it was booked at the provider. */
  readonly bookedAt: Date;
}

@Injectable()
export class SettledMoneyOfPayments {
  constructor(
    private readonly database: Database,
    private readonly payments: Payments,
    private readonly applyFacts: ApplyFacts,
  ) {}

  /** Makes it facts of the payment, with everything that follows from them. The same again changes nothing. @throws payment.not-found */
  tell(tenantId: string, paymentId: string, told: SettledMoney): Promise<void> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.payments.lock(tx, paymentId);
      // Without captured money there is nothing that could have been taken back: the fetch that tells of it comes first.
      if (row.capturedMinor === 0n) return;
      if (told.chargedBack !== undefined) row.settledChargedBackMinor = told.chargedBack;
      if (told.refunds?.length) row.settledRefundedMinor = row.refundedMinor + totalOf(told.refunds);
      await tx.em.flush();
      await this.applyFacts.apply(tx, row, factsOf(row, told));
    });
  }
}

/** What we know already; `withSettled` adds what is new. As old as the newest fetch, so that no fetch under way becomes stale by it. */
function factsOf(row: PaymentRow, { disputes, refunds, bookedAt }: SettledMoney): Facts {
  return {
    ...amountsOf(row),
    currency: row.currency,
    providerState: row.providerState,
    started: true,
    ended: undefined,
    fetchedAt: row.factsFetchedAt ?? bookedAt,
    bookedAt,
    method: row.method ?? undefined,
    failure: row.failure ?? undefined,
    mandate: undefined,
    refunds,
    disputes,
    captureBefore: row.captureBefore ?? undefined,
    provisionalUntil: row.provisionalUntil ?? undefined,
  };
}

function totalOf(refunds: readonly RefundFacts[]): bigint {
  return refunds.reduce((total, { amount }) => total + BigInt(amount), 0n);
}
