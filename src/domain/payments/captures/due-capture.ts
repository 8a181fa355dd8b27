/**
 * Reserved money that nobody takes unless we do.
 *
 * Some providers take no money by themselves, not even of a payment that asks for it (`traits.capturesByRequest`): what the customer
 * approved is reserved, or may be taken for three hours, and then it is gone. Such a payment is made with `capture` `when-authorized`. In
 * the transaction that records its reserved money a capture of exactly what was asked for is written down as an attempt; the call leaves
 * after the commit, and should the process die in between, `ResolveAttempts` sends it with the same key. While a capture or cancellation
 * has no answer, no other is begun, so no money is taken twice.
 *
 * A provider that says no is asked again, under a new key, after 1, 5, 30 and 120 minutes; after the fifth no a person or a flow has the
 * word (`payment.capture-failed`, `payment.capture-due`). Less reserved than was asked for is not taken by itself: it is a mismatch.
 */
import { money, toWire } from '../../../kernel/money.ts';
import type { Transaction } from '../../../platform/database/transaction.ts';
import { beginAttempt, type Attempt } from '../payment-attempts.ts';
import { checkBy } from '../payment-checks.ts';
import type { PaymentRow } from '../payment.entity.ts';

const MINUTE_MS = 60_000;
/** After as many refusals as there are pauses, and one more, it is left to people. */
const PAUSES_MS = [1, 5, 30, 120].map((minutes) => minutes * MINUTE_MS);

/** Writes the capture down that is due by now; none when there is nothing to take, or somebody is at it. @param row locked and saved */
export async function beginDueCapture(tx: Transaction, row: PaymentRow, now: Date): Promise<Attempt | undefined> {
  const left = row.authorizedMinor - row.voidedMinor - row.capturedMinor;
  const isDue = row.capture === 'when-authorized' && row.state === 'authorized' && !row.mismatched && left >= row.amountMinor;
  if (!isDue || row.providerId === null) return undefined;
  const { open, refusals, last } = await attemptsOf(tx, row.id);
  const pause = PAUSES_MS[refusals - 1] ?? 0;
  if (open > 0 || refusals > PAUSES_MS.length) return undefined;
  if (last && now.getTime() - last.getTime() < pause) {
    await checkBy(tx, row.id, new Date(last.getTime() + pause), now);
    return undefined;
  }
  row.captureAskedMinor += row.amountMinor;
  row.capturePendingMinor = row.amountMinor;
  await tx.em.flush();
  const request = { providerId: row.providerId, amount: toWire(money(row.amountMinor, row.currency)) };
  return beginAttempt(tx, { paymentId: row.id, operation: 'capture', request, now });
}

/** `last`: when the newest refusal came. */
interface PastAttempts {
  readonly open: number;
  readonly refusals: number;
  readonly last: Date | null;
}

async function attemptsOf(tx: Transaction, paymentId: string): Promise<PastAttempts> {
  const [past] = await tx.query<PastAttempts>(
    `select count(*) filter (where state in ('sending', 'unknown'))::int as open,
       count(*) filter (where operation = 'capture' and state = 'failed')::int as refusals,
       max(finished_at) filter (where operation = 'capture' and state = 'failed') as last
     from payment_attempt where payment_id = $1 and operation in ('capture', 'cancel')`,
    [paymentId],
  );
  return past ?? { open: 0, refusals: 0, last: null };
}
