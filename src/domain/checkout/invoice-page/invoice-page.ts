/** The page of an invoice as HTML: what it is for, what is paid, and a button to the payment page. It needs no script. */
import { compare, type Money } from '../../../kernel/money.ts';
import { netOf, totalsOf, type InvoiceLine } from '../../invoices/index.ts';
import { escapeHtml } from '../page/escape-html.ts';
import { pagePolicy } from '../page/page-policy.ts';
import { amountText, shell, type RenderedPage } from '../page/page-shell.ts';
import { PAGE_STYLE } from '../page/page-style.ts';
import { PAGE_TEXTS, type PageLocale } from '../page/page-texts.ts';
import { INVOICE_PAGE_TEXTS } from './invoice-page-texts.ts';

export interface InvoicePage {
  readonly locale: PageLocale;
  /** `/i/{token}`. */
  readonly path: string;
  readonly test: boolean;
  /** Who is paid. */
  readonly payee: string;
  readonly state: 'issued' | 'paid' | 'written-off' | 'cancelled';
  readonly number: string;
  readonly description: string;
  /** `2026-11-22`. */
  readonly issuedOn: string;
  readonly dueOn: string;
  /** One or more. */
  readonly lines: readonly InvoiceLine[];
  readonly paid: Money;
  /** What the button leads to pay. */
  readonly payable: Money;
  /** The button was pressed, and it did not work. */
  readonly problem: boolean;
}

export function renderInvoice(page: InvoicePage): RenderedPage {
  const texts = INVOICE_PAGE_TEXTS[page.locale];
  const heading = `${texts.invoice} ${escapeHtml(page.number)}`;
  const content = `${page.test ? `<p class="test">${PAGE_TEXTS[page.locale].test}</p>` : ''}
${facts(page)}
${lines(page)}
${howItStands(page)}`;
  return {
    html: shell(page.locale, { title: page.problem ? `${PAGE_TEXTS[page.locale].problem} – ${heading}` : heading, heading }, content),
    policy: pagePolicy({ test: page.test, scripts: [], style: PAGE_STYLE, choices: [] }),
  };
}

function facts({ locale, payee, description, issuedOn, dueOn, state }: InvoicePage): string {
  const texts = INVOICE_PAGE_TEXTS[locale];
  const { payee: to, purpose } = PAGE_TEXTS[locale];
  const rows = [
    [to, payee],
    [purpose, description],
    [texts.issuedOn, dateText(issuedOn, locale)],
    [texts.dueOn, state === 'issued' ? dateText(dueOn, locale) : ''],
  ];
  return `<dl class="bill">${rows
    .filter(([, text]) => text !== '')
    .map(([name, text = '']) => `<div><dt>${name}</dt><dd>${escapeHtml(text)}</dd></div>`)
    .join('')}</dl>`;
}

function lines({ locale, lines: all, paid, payable }: InvoicePage): string {
  const texts = INVOICE_PAGE_TEXTS[locale];
  const { total, rates } = totalsOf(all, paid.currency);
  const row = (name: string, amount: Money, look = '') =>
    `<tr${look}><th scope="row">${name}</th><td>${amountText(amount, locale)}</td></tr>`;
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
  return `<table><thead><tr><th scope="col">${texts.line}</th><th scope="col">${texts.net}</th></tr></thead>
<tbody>${all.map((line) => row(`${escapeHtml(line.description)}${line.quantity === 1 ? '' : `\u00a0×\u00a0${line.quantity}`}`, netOf(line))).join('')}
${rates.map(({ rate, vat }) => row(`${texts.vat} ${escapeHtml(percent.format(rate / 10_000))}`, vat)).join('')}</tbody>
<tfoot>${row(texts.total, total)}${paid.minor > 0n && compare(paid, total) < 0 ? row(texts.alreadyPaid, paid) : ''}
${payable.minor > 0n ? row(PAGE_TEXTS[locale].toPay, payable, ' class="sum"') : ''}</tfoot></table>`;
}

function howItStands({ locale, state, path, payable, problem }: InvoicePage): string {
  const texts = INVOICE_PAGE_TEXTS[locale];
  if (state === 'paid') return `<p class="good" role="status"><span aria-hidden="true">✓</span> ${texts.paid}</p>`;
  if (state === 'cancelled') return `<p role="status">${texts.cancelled}</p>`;
  const wrong = problem ? `<p class="bad" role="alert">${texts.notNow}</p>` : '';
  const given = state === 'written-off' ? `<p>${texts.givenUp}</p>` : '';
  // What orders is the button of the payment page; this one only leads there.
  const button = `<form method="post" action="${escapeHtml(path)}"><button type="submit">${texts.toPayment}</button></form>`;
  return `${wrong}${given}${payable.minor > 0n ? button : ''}`;
}

function dateText(day: string, locale: PageLocale): string {
  return day === '' ? '' : new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}
