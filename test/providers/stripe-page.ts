import type { Received, Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import type { StripeBook } from './stripe-book.ts';

const WAYS = ['ideal', 'bancontact', 'card', 'sepa_debit'];

/**
 * The hosted page, for people and for scripts: `POST /pay/<session>/pay` (with a `method`), `/decline`, `/leave`; and the bank's page of a
 * charge that asks for its customer: `POST /authenticate/<intent>/pay` and `/decline`.
 */
export function hostedPage(book: StripeBook, request: Received): Reply {
  const [, area, id = '', button] = request.path.split('/');
  if (area === 'authenticate') return bankPage(book, id, button, request.method);
  const session = book.session(id);
  if (request.method !== 'POST') {
    const ways = WAYS.map(
      (way) => `<label><input type="radio" name="method" value="${way}"${way === 'ideal' ? ' checked' : ''}>${way}</label>`,
    );
    const buttons = ['pay', 'decline', 'leave'].map((name) => `<button formaction="/pay/${id}/${name}">${name}</button>`);
    const what = session.mode === 'setup' ? 'Permission to charge later' : `${session.amount_total} ${session.currency}`;
    return html(`<p>${what} (${session.status})</p><form method="post">${[...ways, ...buttons].join(' ')}</form>`);
  }
  const method = new URLSearchParams(request.body.toString('utf8')).get('method') ?? 'ideal';
  if (button === 'leave') return redirect(session.cancel_url ?? session.success_url);
  if (button === 'decline') book.decline(id);
  else if (session.mode === 'setup') book.approve(id, method);
  else book.pay(id, method);
  return redirect(button === 'decline' ? `/pay/${id}` : session.success_url);
}

function bankPage(book: StripeBook, id: string, button: string | undefined, method: string): Reply {
  const intent = book.intent(id);
  if (method !== 'POST') {
    const buttons = ['pay', 'decline'].map((name) => `<button formaction="/authenticate/${id}/${name}">${name}</button>`).join(' ');
    return html(`<p>Your bank asks: ${intent.amount} ${intent.currency}?</p><form method="post">${buttons}</form>`);
  }
  const next = intent.next_action?.['redirect_to_url'];
  const back = typeof next === 'object' && next !== null && 'return_url' in next ? String(next.return_url) : '/';
  book.authenticate(id, button === 'pay');
  return redirect(back);
}

function html(body: string): Reply {
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: `<!doctype html><title>Pay</title>${body}` };
}

function redirect(location: string): Reply {
  return { status: 303, headers: { location }, body: '' };
}
