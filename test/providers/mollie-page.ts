import type { Received, Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import type { MollieBook } from './mollie-book.ts';

const OUTCOMES = ['paid', 'failed', 'canceled', 'expired'] as const;

/** Card failures by amount in test mode, for whoever chooses "failed": € 1,001 to € 1,011 (Mollie's page on testing). */
const FAILURES: Readonly<Record<string, string>> = {
  '1001.00': 'invalid_card_number',
  '1002.00': 'invalid_cvv',
  '1003.00': 'invalid_card_holder_name',
  '1004.00': 'card_expired',
  '1005.00': 'invalid_card_type',
  '1006.00': 'refused_by_issuer',
  '1007.00': 'insufficient_funds',
  '1008.00': 'inactive_card',
  '1009.00': 'possible_fraud',
  '1010.00': 'authentication_failed',
  '1011.00': 'card_declined',
};

export const CHECKOUT = '/checkout/select-method/';

/** The page of test mode on which a person, or a script, chooses how a payment ends: `POST …/paid`. */
export function choosePage(book: MollieBook, request: Received): Reply {
  const [id = '', button] = request.path.slice(CHECKOUT.length).split('/');
  const payment = book.payment(id);
  if (request.method !== 'POST') return show(id, `${payment.amount.value} ${payment.amount.currency}`, payment.status);
  if (button === 'paid') book.pay(id);
  else if (button === 'failed') book.decline(id, FAILURES[payment.amount.value]);
  else if (button === 'canceled') book.abandon(id);
  else if (button === 'expired') book.expire(id);
  const back = button === 'canceled' ? (payment.cancelUrl ?? payment.redirectUrl) : payment.redirectUrl;
  return { status: 303, headers: { location: back ?? `${CHECKOUT}${id}` }, body: '' };
}

function show(id: string, amount: string, status: string): Reply {
  const buttons = OUTCOMES.map((outcome) => `<button formaction="${CHECKOUT}${id}/${outcome}">${outcome}</button>`).join(' ');
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>Test payment</title><p>${amount} (${status})</p><form method="post">${buttons}</form>`,
  };
}
