import type { Reply } from '../http-server.ts';
import { html, type Html } from './html.ts';

const SECTIONS = [
  ['/sandbox/payments', 'Payments'],
  ['/sandbox/mandates', 'Mandates'],
  ['/sandbox/sms', 'SMS'],
  ['/sandbox/mail', 'Mail'],
  ['/sandbox/book', 'Book'],
] as const;

/**
 * Scripts, frames and foreign content are off. There is no `form-action`: a paid form ends with a redirect to the shop,
 * and browsers hold redirects of forms to that list.
 */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** A page of the provider's own desk, with the menu. */
export function deskPage(title: string, path: string, content: Html, status = 200): Reply {
  return document(
    title,
    status,
    html`<header class="bar">
        <a class="brand" href="/sandbox/"><span class="mark" aria-hidden="true"></span>Sandbox</a>
        <nav aria-label="Sections">
          ${SECTIONS.map(([href, label]) => (href === path ? html`<a href="${href}" aria-current="page">${label}</a>` : html`<a href="${href}">${label}</a>`))}
        </nav>
      </header>
      <main>${content}</main>
      <footer>A pretend provider. No money moves and no message leaves this machine.</footer>`,
  );
}

/** A page that a customer sees: one card in the middle, no menu. */
export function customerPage(title: string, content: Html, status = 200): Reply {
  return document(title, status, html`<main class="customer">${content}</main>`);
}

export function redirect(location: string): Reply {
  return { status: 303, headers: { ...HEADERS, location }, body: '' };
}

/** A moment for people, in UTC: the sandbox does not know where its reader is. */
export function moment(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)}</time>`;
}

export function empty(message: string): Html {
  return html`<p class="empty">${message}</p>`;
}

function document(title: string, status: number, content: Html): Reply {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Sandbox</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/sandbox/style.css" />
      </head>
      <body>
        ${content}
      </body>
    </html>`;
  return { status, headers: HEADERS, body: page.text };
}
