import { randomUUID } from 'node:crypto';
import { writeAmount } from '../amount.ts';
import type { Desks } from '../api.ts';
import type { Received, Reply } from '../http-server.ts';
import { amountOf, isMethod, type Method } from '../payments-desk.ts';
import { Problem } from '../problem.ts';
import { bookPage, mailPage, overviewPage, paymentsPage, smsPage } from './desk-pages.ts';
import { html } from './html.ts';
import { customerPage, redirect } from './layout.ts';
import { payPage } from './pay-page.ts';
import { STYLE } from './style.css.ts';

const DESK: Readonly<Record<string, (desks: Desks) => Reply>> = {
  '/sandbox': overviewPage,
  '/sandbox/': overviewPage,
  '/sandbox/payments': paymentsPage,
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
  const id = /^\/sandbox\/pay\/([^/]+)$/.exec(request.path)?.[1];
  if (id !== undefined) return payPage(desks.payments.get(id));
  throw new Problem(404, 'not_found', 'There is no page at this address.');
}

function press(desks: Desks, request: Received): Reply {
  if (!isSameOrigin(request)) throw new Problem(403, 'foreign_form', 'This button works only on the page itself.');
  const [, area, id, button] = /^\/sandbox\/(pay|payments)\/([^/]+)\/([a-z]+)$/.exec(request.path) ?? [];
  if (area === undefined || id === undefined || button === undefined) throw new Problem(404, 'not_found', 'There is no such button.');
  const location = desks.store.transact(() =>
    area === 'pay' ? pressOnPayPage(desks, id, button, methodIn(request)) : pressOnDesk(desks, id, button),
  );
  desks.webhooks.nudge();
  return redirect(location);
}

function pressOnPayPage({ payments }: Desks, id: string, button: string, method: Method): string {
  if (button === 'pay') return payments.pay(id, method).return_url;
  if (button === 'decline') return payments.decline(id, method, 'card_declined').return_url;
  // Walking away changes nothing: the payment stays open until its time is over, as at a real provider.
  if (button === 'leave') return payments.get(id).cancel_url;
  throw new Problem(404, 'not_found', 'There is no such button.');
}

function pressOnDesk({ payments }: Desks, id: string, button: string): string {
  const payment = payments.get(id);
  if (button === 'refund') {
    const left = payment.captured - payment.refunded - payment.charged_back;
    payments.refund(id, `desk-${randomUUID()}`, writeAmount(amountOf(payment, left)));
  } else if (button === 'chargeback') payments.chargeBack(id);
  else throw new Problem(404, 'not_found', 'There is no such button.');
  return '/sandbox/payments';
}

function methodIn(request: Received): Method {
  const method = new URLSearchParams(request.body.toString('utf8')).get('method');
  return isMethod(method) ? method : 'ideal';
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
