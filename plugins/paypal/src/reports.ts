/** PayPal's transaction search (reporting_transactions_v1): what moved the account's balance, up to three hours late. */
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import type { WireMoney } from './amounts.ts';
import { callPaypal } from './client.ts';
import type { Settings } from './settings.ts';
import { momentOf, type Capture } from './wire.ts';

export interface Transaction {
  readonly transaction_id?: string;
  readonly paypal_reference_id?: string;
  /** `ODR` an order, `TXN` another transaction. */
  readonly paypal_reference_id_type?: string;
  readonly transaction_event_code?: string;
  readonly transaction_initiation_date?: string;
  readonly transaction_updated_date?: string;
  readonly transaction_amount?: WireMoney;
  readonly fee_amount?: WireMoney;
  readonly transaction_status?: string;
  readonly custom_field?: string;
}

export interface ReportPage {
  readonly transactions: readonly Transaction[];
  readonly pages: number;
  /** Until when the report is complete, in epoch milliseconds. */
  readonly completeUntil: number;
}

/** What to ask for: at most 31 days, both ends included. */
export interface ReportQuestion {
  readonly from: number;
  readonly to: number;
  readonly page: number;
  readonly size: number;
  /** Only what changed the balance; without it, also what is pending or was denied. */
  readonly booked: boolean;
}

/** One page. Its permission is an option of PayPal's apps, so missing it is no reason to pause the connection. */
export async function readReport(context: Context<Settings>, question: ReportQuestion): Promise<Outcome<ReportPage>> {
  const query = new URLSearchParams({
    start_date: new Date(question.from).toISOString(),
    end_date: new Date(question.to).toISOString(),
    fields: 'transaction_info',
    page_size: String(question.size),
    page: String(question.page),
    balance_affecting_records_only: question.booked ? 'Y' : 'N',
  });
  const answer = await callPaypal<{
    transaction_details?: readonly { transaction_info?: Transaction }[];
    total_pages?: number;
    last_refreshed_datetime?: string;
  }>(context, 'read', { method: 'GET', path: `/v1/reporting/transactions?${query.toString()}` });
  if (answer.kind === 'failed' && answer.reason === 'auth' && answer.field === undefined) {
    return failed('permanent', 'Give the app the feature "Transaction search" in PayPal’s developer dashboard.', {
      code: 'NO_TRANSACTION_SEARCH',
    });
  }
  if (answer.kind !== 'ok') return answer;
  const { transaction_details: details = [], total_pages: pages = 1, last_refreshed_datetime: refreshed } = answer.value;
  return ok({ transactions: details.flatMap(({ transaction_info: info }) => info ?? []), pages, completeUntil: momentOf(refreshed) ?? 0 });
}

/** The order that a capture belongs to, which reports and refunds do not tell; `undefined` for money that came without an order of this app. */
export async function orderOfCapture(
  context: Context<Settings>,
  captureId: string,
): Promise<Outcome<{ readonly orderId?: string; readonly customId?: string }>> {
  const path = `/v2/payments/captures/${encodeURIComponent(captureId)}`;
  const found = await callPaypal<Capture>(context, 'read', { method: 'GET', path });
  if (found.kind === 'failed' && found.reason === 'permanent') return ok({});
  if (found.kind !== 'ok') return found;
  const { custom_id: customId, supplementary_data: more } = found.value;
  const orderId = more?.related_ids?.order_id;
  return ok({ ...(orderId === undefined ? {} : { orderId }), ...(customId === undefined ? {} : { customId }) });
}
