/**
 * A page in place of a phone: what a request asked for, to be paid in any way that is offered.
 *
 * Only of a request that failed or expired: while the phone can still approve, there would be two ways to pay. Its provider has ended the
 * payment then, or nobody had begun it; should the phone approve all the same, what the invoices cannot take is told by `payment.overpaid`.
 */
import { Injectable } from '@nestjs/common';
import { money } from '../../../kernel/money.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { PaymentEntity, PaymentInvoiceEntity } from '../../payments/index.ts';
import { paymentRequestErrors } from '../checkout.errors.ts';
import { PayLinks, type LinkTerms, type PaidByLink, type PayLink } from '../pay-links.service.ts';
import { PaymentRequestEntity, type PaymentRequestRow } from './payment-request.entity.ts';

@Injectable()
export class RequestLinks {
  constructor(
    private readonly database: Database,
    private readonly links: PayLinks,
  ) {}

  /**
   * @throws payment-request.not-found, payment-request.still-open, payment-request.already-approved, payment-request.ended when it was
   *   taken back, and what `CheckoutSessions.create` throws
   */
  async make(tenantId: string, { requestId, ...terms }: LinkTerms & { readonly requestId: string }): Promise<PayLink> {
    const paid = await this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(PaymentRequestEntity, { id: requestId });
      if (!row) throw paymentRequestErrors['not-found']();
      requireNoAnswer(row);
      return askedFor(tx, row);
    });
    return this.links.of(tenantId, paid, terms);
  }
}

function requireNoAnswer({ state }: PaymentRequestRow): void {
  if (state === 'created') throw paymentRequestErrors['still-open']();
  if (state === 'approved') throw paymentRequestErrors['already-approved']();
  if (state === 'cancelled') throw paymentRequestErrors.ended({ status: state });
}

/** Which invoices it was to pay, its payment knows; one that was never made leaves the amount. */
async function askedFor(tx: Transaction, row: PaymentRequestRow): Promise<PaidByLink> {
  const payment = await tx.em.findOne(PaymentEntity, { requestKey: row.requestKey });
  const parts = payment ? await tx.em.find(PaymentInvoiceEntity, { paymentId: payment.id }, { orderBy: { position: 'asc' } }) : [];
  return {
    invoices: parts.map(({ invoiceId, intendedMinor }) => ({ id: invoiceId, amount: money(intendedMinor, row.currency) })),
    amount: money(row.amountMinor, row.currency),
    description: row.description,
    ...(row.customerId && { customerId: row.customerId }),
  };
}
