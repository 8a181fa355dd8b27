import { showAmount } from '../amount.ts';
import type { Reply } from '../http-server.ts';
import type { MandateRow } from '../mandate-row.ts';
import { amountOf } from '../payment-amounts.ts';
import { METHODS, methodsOf, type PaymentRow } from '../payment-row.ts';
import { html, type Html } from './html.ts';
import { customerPage } from './layout.ts';

const OVER: Readonly<Record<Exclude<PaymentRow['state'], 'open'>, string>> = {
  pending: 'The direct debit is under way.',
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
        ${payment.state === 'open' ? choices(payment) : over(payment.return_url, OVER[payment.state])}
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

function over(returnUrl: string, message: string): Html {
  return html`<p role="status">${message}</p>
    <a class="button" href="${returnUrl}">Back to the shop</a>`;
}

const PERMISSION_OVER: Readonly<Record<Exclude<MandateRow['state'], 'pending'>, string>> = {
  active: 'The permission is given.',
  revoked: 'The permission was not given, or was taken back.',
  expired: 'The permission is too old.',
};

/** Where a customer gives the permission to be charged later, or does not. */
export function permissionPage(mandate: MandateRow): Reply {
  return customerPage(
    'Permission to charge',
    html`<section class="card">
        <div>
          <h1>${mandate.description}</h1>
          <p class="sum">${mandate.label}</p>
        </div>
        ${mandate.state === 'pending' ? permission(mandate.id) : over(mandate.return_url, PERMISSION_OVER[mandate.state])}
      </section>
      <p class="soft">Sandbox permission page. No money moves.</p>`,
  );
}

function permission(id: string): Html {
  return html`<form method="post">
    <p>May this shop charge you from now on?</p>
    <button class="go" formaction="/sandbox/mandate/${id}/approve">Allow</button>
    <button class="bad" formaction="/sandbox/mandate/${id}/decline">Do not allow</button>
  </form>`;
}
