import { LockMode } from '@mikro-orm/core';
import type { Transaction } from '../../platform/database/transaction.ts';
import { PaymentEntity, type PaymentRow } from './payment.entity.ts';
import { paymentErrors } from './payment.errors.ts';

/** Locks a payment until the transaction ends: everything that changes one starts here. @throws payment.not-found */
export async function lockPayment(tx: Transaction, id: string): Promise<PaymentRow> {
  const row = await tx.em.findOne(PaymentEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  if (!row) throw paymentErrors['not-found']();
  return row;
}
