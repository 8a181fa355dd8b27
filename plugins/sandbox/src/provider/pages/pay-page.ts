import { showAmount } from '../amount.ts';
import type { Reply } from '../http-server.ts';
import { amountOf, METHODS, methodsOf, type PaymentRow } from '../payments-desk.ts';
import { html, type Html } from './html.ts';
import { customerPage } from './layout.ts';

const OVER: Readonly<Record<Exclude<PaymentRow['state'], 'open'>, string>> = {
  paid: 'This payment is done.',
  authorized: 'The money is reserved.',
  failed: 'The bank declined this payment.',
  cancelled: 'This payment was cancelled.',
  expired: 'The time for this payment is over.',
};

/** Where a customer pays, declines or walks away. */
export function payPage(payment: PaymentRow): Reply {
  return customerPage(
    `Pay ${showAmount(amountOf(payment, payment.amount))}`,
    html`<section class="card">
        <div>
          <h1>${payment.description}</h1>
          <p class="sum">${showAmount(amountOf(payment, payment.amount))}</p>
        </div>
        ${payment.state === 'open' ? choices(payment) : over(payment, OVER[payment.state])}
      </section>
      <p class="soft">Sandbox payment page. No money moves.</p>`,
  );
}

function choices(payment: PaymentRow): Html {
  return html`<form method="post">
    <fieldset>
      <legend>How would you like to pay?</legend>
      ${methodsOf(payment).map(
        (method, index) =>
          html`<label class="choice"
            ><input type="radio" name="method" value="${method}" ${index === 0 ? 'checked' : ''} required />${METHODS[method]}</label
          >`,
      )}
    </fieldset>
    <button class="go" formaction="/sandbox/pay/${payment.id}/pay">Pay</button>
    <div class="two">
      <button class="bad" formaction="/sandbox/pay/${payment.id}/decline">Decline</button>
      <button formaction="/sandbox/pay/${payment.id}/leave">Walk away</button>
    </div>
  </form>`;
}

function over(payment: PaymentRow, message: string): Html {
  return html`<p role="status">${message}</p>
    <a class="button" href="${payment.return_url}">Back to the shop</a>`;
}
