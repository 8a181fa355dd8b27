import { showAmount } from '../amount.ts';
import type { Desks } from '../api.ts';
import type { EntryRow } from '../book.ts';
import type { Reply } from '../http-server.ts';
import type { MailRow, MessageRow } from '../outboxes.ts';
import { amountOf, isMethod, METHODS, type PaymentRow } from '../payments-desk.ts';
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
        ${tile('/sandbox/payments', 'Payments', count('payment'))} ${tile('/sandbox/sms', 'Text messages', count('message'))}
        ${tile('/sandbox/mail', 'Mails', count('mail'))} ${tile('/sandbox/book', 'Entries in the book', count('entry'))}
      </ul>
      <p class="lead below">Webhooks still on their way: ${count('webhook where delivered_at is null')}</p>`,
  );
}

export function paymentsPage({ payments }: Desks): Reply {
  const rows = payments.newest(SHOWN);
  return deskPage(
    'Payments',
    '/sandbox/payments',
    html`<h1>Payments</h1>
      <p class="lead">Refunds and chargebacks made here reach your portal as if a person had made them in the provider's dashboard.</p>
      ${
        rows.length === 0
          ? empty('No payments yet. They appear when a checkout starts.')
          : html`<ul class="list">
              ${rows.map(paymentItem)}
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

function paymentItem(payment: PaymentRow): Html {
  const left = payment.captured - payment.refunded - payment.charged_back;
  return html`<li class="card payment">
    <div>
      <h2>${payment.description}</h2>
      <p class="soft">${payment.reference} · ${moment(payment.created_at)}</p>
    </div>
    <p class="amount">${showAmount(amountOf(payment, payment.amount))}</p>
    <div class="facts">
      <span class="state ${TONE[payment.state] ?? ''}">${payment.state}</span>
      ${isMethod(payment.method) ? html`<span class="soft">${METHODS[payment.method]}</span>` : undefined}
      ${payment.refunded > 0 ? html`<span class="soft">${showAmount(amountOf(payment, payment.refunded))} refunded</span>` : undefined}
      ${payment.charged_back > 0 ? html`<span class="state bad">${showAmount(amountOf(payment, payment.charged_back))} charged back</span>` : undefined}
    </div>
    <div class="acts">
      ${payment.state === 'open' ? html`<a class="button" href="/sandbox/pay/${payment.id}">Pay page</a>` : undefined}
      ${
        payment.state === 'paid' && left > 0
          ? html`<form method="post" action="/sandbox/payments/${payment.id}/refund"><button>Refund</button></form>
              <form method="post" action="/sandbox/payments/${payment.id}/chargeback"><button class="bad">Chargeback</button></form>`
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
