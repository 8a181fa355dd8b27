import { showAmount } from '../amount.ts';
import type { Desks } from '../api.ts';
import type { EntryRow } from '../book.ts';
import type { Reply } from '../http-server.ts';
import type { MailRow, MessageRow } from '../outboxes.ts';
import type { MandateRow } from '../mandate-row.ts';
import { amountOf, leftOf } from '../payment-amounts.ts';
import { isMethod, METHODS, type DisputeRow, type PaymentRow } from '../payment-row.ts';
import { html, type Html } from './html.ts';
import { deskPage, empty, moment } from './layout.ts';

/** Pages show the newest of these and no more: the sandbox may run for weeks. */
const SHOWN = 100;

const TONE: Readonly<Partial<Record<PaymentRow['state'], 'good' | 'bad'>>> = {
  paid: 'good',
  authorized: 'good',
  failed: 'bad',
  cancelled: 'bad',
  expired: 'bad',
};

export function overviewPage({ store }: Desks): Reply {
  const count = (sql: string): number => store.one<{ n: number }>(`select count(*) as n from ${sql}`)?.n ?? 0;
  const tile = (href: string, label: string, n: number): Html =>
    html`<li>
      <a class="card" href="${href}"><strong>${n}</strong>${label}</a>
    </li>`;
  return deskPage(
    'Overview',
    '/sandbox/',
    html`<h1>Sandbox</h1>
      <p class="lead">
        A bank, a phone, a mailbox and an accounting office in one place. What your flows send to the outside arrives here.
      </p>
      <ul class="tiles">
        ${tile('/sandbox/payments', 'Payments', count('payment'))} ${tile('/sandbox/mandates', 'Mandates', count('mandate'))}
        ${tile('/sandbox/sms', 'Text messages', count('message'))} ${tile('/sandbox/mail', 'Mails', count('mail'))}
        ${tile('/sandbox/book', 'Entries in the book', count('entry'))}
      </ul>
      <p class="lead below">Webhooks still on their way: ${count('webhook where delivered_at is null')}</p>`,
  );
}

export function paymentsPage({ payments, moneyBack }: Desks): Reply {
  const rows = payments.newest(SHOWN);
  return deskPage(
    'Payments',
    '/sandbox/payments',
    html`<h1>Payments</h1>
      <p class="lead">
        Refunds, disputes and how they end reach your portal as if a bank, or a person in the provider's dashboard, had made them.
      </p>
      ${
        rows.length === 0
          ? empty('No payments yet. They appear when a checkout starts.')
          : html`<ul class="list">
              ${rows.map((row) => paymentItem(row, moneyBack.disputesOf(row.id).at(-1)))}
            </ul>`
      }`,
  );
}

export function mandatesPage({ mandates }: Desks): Reply {
  const rows = mandates.newest(SHOWN);
  return deskPage(
    'Mandates',
    '/sandbox/mandates',
    html`<h1>Mandates</h1>
      <p class="lead">Permissions to charge later. Revoke one here as its customer would at the bank.</p>
      ${
        rows.length === 0
          ? empty('No mandates yet. A payment that is to be remembered leaves one behind.')
          : html`<ul class="list">
              ${rows.map(mandateItem)}
            </ul>`
      }`,
  );
}

export function smsPage({ outboxes }: Desks): Reply {
  const rows = outboxes.messages(SHOWN);
  return deskPage(
    'SMS',
    '/sandbox/sms',
    html`<h1>SMS</h1>
      <p class="lead">Text messages that would have been sent, newest first.</p>
      ${
        rows.length === 0
          ? empty('No messages yet.')
          : html`<div class="phone">
              <ol>
                ${rows.map(messageItem)}
              </ol>
            </div>`
      }`,
  );
}

export function mailPage({ outboxes }: Desks): Reply {
  const rows = outboxes.mails(SHOWN);
  return deskPage(
    'Mail',
    '/sandbox/mail',
    html`<h1>Mail</h1>
      <p class="lead">Mails that would have been sent, newest first.</p>
      ${
        rows.length === 0
          ? empty('No mails yet.')
          : html`<ul class="list">
              ${rows.map(mailItem)}
            </ul>`
      }`,
  );
}

export function bookPage(desks: Desks): Reply {
  const rows = desks.book.newest(SHOWN);
  return deskPage(
    'Book',
    '/sandbox/book',
    html`<h1>Book</h1>
      <p class="lead">The accounting package: balanced entries, newest first.</p>
      ${
        rows.length === 0
          ? empty('No entries yet.')
          : html`<ul class="list">
              ${rows.map((entry) => entryItem(desks, entry))}
            </ul>`
      }`,
  );
}

function paymentItem(payment: PaymentRow, dispute: DisputeRow | undefined): Html {
  return html`<li class="card payment">
    <div>
      <h2>${payment.description}</h2>
      <p class="soft">${payment.reference} · ${moment(payment.created_at)}</p>
    </div>
    <p class="amount">${showAmount(amountOf(payment, payment.amount))}</p>
    <div class="facts">
      <span class="state ${TONE[payment.state] ?? ''}">${payment.state}</span>
      ${isMethod(payment.method) ? html`<span class="soft">${METHODS[payment.method]}</span>` : undefined}
      ${payment.charge === 1 ? html`<span class="soft">charged under a mandate</span>` : undefined}
      ${payment.failure === null ? undefined : html`<span class="soft">${payment.failure}</span>`}
      ${payment.refunded > 0 ? html`<span class="soft">${showAmount(amountOf(payment, payment.refunded))} refunded</span>` : undefined}
      ${
        payment.charged_back > 0
          ? html`<span class="state bad">${showAmount(amountOf(payment, payment.charged_back))} charged back</span>`
          : undefined
      }
      ${dispute ? html`<span class="soft">dispute ${dispute.state}</span>` : undefined}
    </div>
    <div class="acts">${buttonsOf(payment, dispute)}</div>
  </li>`;
}

function buttonsOf(payment: PaymentRow, dispute: DisputeRow | undefined): Html | undefined {
  const button = (name: string, label: string, tone = ''): Html =>
    html`<form method="post" action="/sandbox/payments/${payment.id}/${name}"><button class="${tone}">${label}</button></form>`;
  if (payment.state === 'open') return html`<a class="button" href="/sandbox/pay/${payment.id}">Pay page</a>`;
  if (dispute?.state === 'opened') return html`${button('win', 'Dispute won')} ${button('lose', 'Dispute lost', 'bad')}`;
  if (payment.state !== 'paid' || leftOf(payment) <= 0) return undefined;
  return html`${button('refund', 'Refund')} ${button('chargeback', 'Chargeback', 'bad')}`;
}

function mandateItem(mandate: MandateRow): Html {
  return html`<li class="card payment">
    <div>
      <h2>${mandate.label}</h2>
      <p class="soft">${mandate.reference} · ${moment(mandate.created_at)}</p>
    </div>
    <p class="amount">${mandate.kind}</p>
    <div class="facts"><span class="state ${mandate.state === 'active' ? 'good' : 'bad'}">${mandate.state}</span></div>
    <div class="acts">
      ${mandate.state === 'pending' ? html`<a class="button" href="/sandbox/mandate/${mandate.id}">Approve page</a>` : undefined}
      ${
        mandate.state === 'active'
          ? html`<form method="post" action="/sandbox/mandates/${mandate.id}/revoke"><button class="bad">Revoke</button></form>`
          : undefined
      }
    </div>
  </li>`;
}

function messageItem(message: MessageRow): Html {
  return html`<li>
    <p class="to">${message.recipient} · ${moment(message.created_at)}</p>
    <p class="bubble">${message.text}</p>
    <p class="soft">${message.parts === 1 ? 'one part' : `${message.parts} parts`}</p>
  </li>`;
}

function mailItem(mail: MailRow): Html {
  return html`<li class="card mail">
    <h2>${mail.subject}</h2>
    <p class="soft">to ${mail.recipient} · ${moment(mail.created_at)}${mail.html === null ? '' : ' · with HTML'}</p>
    <pre>${mail.text}</pre>
  </li>`;
}

function entryItem(desks: Desks, entry: EntryRow): Html {
  const lines = desks.book.linesOf(entry.id);
  return html`<li class="card entry">
    <header>
      <h2>${entry.number} · ${entry.description}</h2>
      <p class="soft">${entry.date} · ${entry.journal} · ${entry.reference}${entry.reverses === null ? '' : ' · reversal'}</p>
    </header>
    <div class="scroll" tabindex="0" role="region" aria-label="Lines of entry ${entry.number}">
      <table>
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col" class="number">Debit</th>
            <th scope="col" class="number">Credit</th>
          </tr>
        </thead>
        <tbody>
          ${lines.map(
            (line) =>
              html`<tr>
                <td>
                  <code>${line.ledger_account}</code
                  >${line.description === '' ? undefined : html`<br /><span class="soft">${line.description}</span>`}
                </td>
                <td class="number">${line.debit > 0 ? showAmount({ ...line, minor: line.debit }) : ''}</td>
                <td class="number">${line.credit > 0 ? showAmount({ ...line, minor: line.credit }) : ''}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </li>`;
}
