import { failed, ok, type Context, type CreatedPayment, type Outcome } from '@kassaflow/plugin-sdk';
import { referenceOf } from './order-parts.ts';
import { withAmounts } from './client.ts';
import { createdOf, see } from './orders.ts';
import { orderOfCapture, readReport, type Transaction } from './reports.ts';
import type { Settings } from './settings.ts';

/** PayPal's clock against ours. */
const CLOCK_SKEW_MS = 300_000;
/** The core sends a request again only while the key is remembered: six hours. Later than that, it sent nothing. */
const SENT_WITHIN_MS = 6 * 3_600_000;
const PAGE_SIZE = 500;
/** More than this in the time of one payment, and a search is too slow to answer. */
const MOST_PAGES = 10;

/**
 * Finds a payment by our id. PayPal cannot be asked for an order by anything but its own id, so the report is read: it knows every order
 * that took money, not one that was never approved. That is enough: an order whose answer got lost has no link that anybody could approve
 * it by. Absence is proved once the report is complete for all of the time in which the request can have been sent.
 */
export function find(
  context: Context<Settings>,
  { reference, notBefore }: { readonly reference: string; readonly notBefore: number },
): Promise<Outcome<CreatedPayment | undefined>> {
  return withAmounts('read', async () => {
    const from = notBefore - CLOCK_SKEW_MS;
    const to = Math.min(context.now().getTime(), notBefore + SENT_WITHIN_MS + CLOCK_SKEW_MS);
    let isComplete = false;
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const report = await readReport(context, { from, to: Math.max(to, from + 1), page, size: PAGE_SIZE, booked: false });
      if (report.kind !== 'ok') return report;
      const match = report.value.transactions.find((one) => isIncoming(one) && referenceOf(one.custom_field) === reference);
      if (match) return paymentOf(context, match);
      ({ pages } = report.value);
      isComplete = report.value.completeUntil >= notBefore + SENT_WITHIN_MS;
      if (pages > MOST_PAGES) return failed('temporary', 'There are too many transactions in this time to prove that one is missing.');
    }
    return isComplete ? ok(undefined) : failed('temporary', 'PayPal’s report does not reach far enough yet.', { code: 'REPORT_NOT_READY' });
  });
}

/** Codes of payments only, and money in: refunds in the dashboard and disputes repeat the payment's id too. */
function isIncoming({ transaction_amount: amount, transaction_event_code: code }: Transaction): boolean {
  return amount !== undefined && !amount.value.startsWith('-') && (code?.startsWith('T00') ?? false);
}

async function paymentOf(context: Context<Settings>, found: Transaction): Promise<Outcome<CreatedPayment | undefined>> {
  const named = found.paypal_reference_id_type === 'ODR' ? found.paypal_reference_id : undefined;
  const orderId = named === undefined ? await orderOfCapture(context, found.transaction_id ?? '') : ok({ orderId: named });
  if (orderId.kind !== 'ok') return orderId;
  if (orderId.value.orderId === undefined) return failed('temporary', 'PayPal’s report names money of this payment, and not its order.');
  const seen = await see(context, orderId.value.orderId);
  return seen.kind === 'ok' ? createdOf(context, seen.value) : seen;
}
