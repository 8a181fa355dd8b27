import { randomUUID } from 'node:crypto';
import { writeAmount } from '../amount.ts';
import type { Desks } from '../api.ts';
import type { Received, Reply } from '../http-server.ts';
import { amountOf, leftOf } from '../payment-amounts.ts';
import { isMethod, methodsOf, type Method } from '../payment-row.ts';
import { Problem } from '../problem.ts';
import { bookPage, mailPage, mandatesPage, overviewPage, paymentsPage, smsPage } from './desk-pages.ts';
import { html } from './html.ts';
import { customerPage, redirect } from './layout.ts';
import { payPage, permissionPage } from './pay-page.ts';
import { STYLE } from './style.css.ts';

const DESK: Readonly<Record<string, (desks: Desks) => Reply>> = {
  '/sandbox': overviewPage,
  '/sandbox/': overviewPage,
  '/sandbox/payments': paymentsPage,
  '/sandbox/mandates': mandatesPage,
  '/sandbox/sms': smsPage,
  '/sandbox/mail': mailPage,
  '/sandbox/book': bookPage,
};

/** Answers a request of a browser. Buttons work only from the provider's own pages. */
export function answerPage(desks: Desks, request: Received): Reply {
  try {
    return route(desks, request);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return customerPage(
      'Not possible',
      html`<section class="card">
        <h1>Not possible</h1>
        <p>${error.message}</p>
      </section>`,
      error.status,
    );
  }
}

function route(desks: Desks, request: Received): Reply {
  if (request.path === '/sandbox/style.css') {
    return { status: 200, headers: { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=300' }, body: STYLE };
  }
  if (request.method === 'POST') return press(desks, request);
  const desk = Object.hasOwn(DESK, request.path) ? DESK[request.path] : undefined;
  if (desk) return desk(desks);
  const [, area, id] = /^\/sandbox\/(pay|mandate)\/([^/]+)$/.exec(request.path) ?? [];
  if (id !== undefined) return area === 'pay' ? payPage(desks.payments.get(id)) : permissionPage(desks.mandates.get(id));
  throw new Problem(404, 'not_found', 'There is no page at this address.');
}

function press(desks: Desks, request: Received): Reply {
  if (!isSameOrigin(request)) throw new Problem(403, 'foreign_form', 'This button works only on the page itself.');
  const [, area, id, button] = /^\/sandbox\/(pay|payments|mandate|mandates)\/([^/]+)\/([a-z]+)$/.exec(request.path) ?? [];
  if (area === undefined || id === undefined || button === undefined) throw new Problem(404, 'not_found', 'There is no such button.');
  const location = desks.store.transact(() => {
    if (area === 'pay') return pressOnPayPage(desks, id, button, request);
    return area === 'payments' ? pressOnDesk(desks, id, button) : pressOnMandate(desks, id, button);
  });
  desks.webhooks.nudge();
  return redirect(location);
}

function pressOnPayPage({ payments }: Desks, id: string, button: string, request: Received): string {
  const form = new URLSearchParams(request.body.toString('utf8'));
  const method = methodIn(form, methodsOf(payments.get(id))[0]);
  if (button === 'pay') return payments.pay(id, method).return_url;
  if (button === 'decline') return payments.decline(id, method, form.get('code') ?? 'card_declined').return_url;
  // Walking away changes nothing: the payment stays open until its time is over, as at a real provider.
  if (button === 'leave') return payments.get(id).cancel_url;
  throw new Problem(404, 'not_found', 'There is no such button.');
}

function pressOnDesk({ payments, moneyBack }: Desks, id: string, button: string): string {
  const payment = payments.get(id);
  if (button === 'refund') moneyBack.refund(id, `desk-${randomUUID()}`, writeAmount(amountOf(payment, leftOf(payment))));
  else if (button === 'chargeback') moneyBack.dispute(id);
  else if (button === 'win') moneyBack.decide(id, 'won');
  else if (button === 'lose') moneyBack.decide(id, 'lost');
  else throw new Problem(404, 'not_found', 'There is no such button.');
  return '/sandbox/payments';
}

function pressOnMandate({ mandates }: Desks, id: string, button: string): string {
  if (button === 'approve') return mandates.approve(id).return_url;
  if (button === 'decline') return mandates.decline(id).return_url;
  if (button !== 'revoke') throw new Problem(404, 'not_found', 'There is no such button.');
  mandates.revoke(id);
  return '/sandbox/mandates';
}

function methodIn(form: URLSearchParams, first: Method = 'ideal'): Method {
  const method = form.get('method');
  return isMethod(method) ? method : first;
}

/** A browser always tells where a form comes from; what tells nothing is no browser and has no session to abuse. */
function isSameOrigin({ headers }: Received): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  if (origin === undefined) return true;
  const host = headers['x-forwarded-host'] ?? headers.host;
  return URL.canParse(origin) && new URL(origin).host === host;
}
