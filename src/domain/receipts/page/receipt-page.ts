/** The page of a receipt as HTML: pure text from data, everything that comes from outside escaped. It has no script. */
import { createHash } from 'node:crypto';
import type { ReceiptSubject } from '../../../events/catalogue/subjects.ts';
import { escapeHtml, PAGE_STYLE, shell, type PageLocale, type RenderedPage } from '../../checkout/index.ts';
import { RECEIPT_TEXTS, type ReceiptTexts } from './receipt-texts.ts';

/** What the page shows. */
export interface ReceiptPage {
  readonly locale: PageLocale;
  /** Days are those of the merchant's calendar. */
  readonly timeZone: string;
  readonly test: boolean;
  readonly payee: string;
  readonly description: string;
  /** Oldest first, at least one; not all of them when the first is not number 1. */
  readonly versions: readonly [ReceiptSubject, ...ReceiptSubject[]];
}

type WireAmount = ReceiptSubject['paid'];

/** Which versions add to what is kept. */
const ADDS: ReadonlySet<ReceiptSubject['reason']> = new Set(['paid', 'refund-failed', 'won-back']);

/** Beside the style of the payment page. On paper it is black on white, whatever the screen is. */
const STYLE = `${PAGE_STYLE}
.corrected{padding:.75rem 1rem;border:2px solid var(--brand);border-radius:.5rem}
.bill .what{flex:1 1 12rem;color:var(--text)}
.bill .what span,.bill .for span{display:block;color:var(--quiet)}
.bill .what~dd{white-space:nowrap}
.bill .for{display:block}
.bill .for dt{color:var(--text)}
@media print{:root{color-scheme:light;--text:#000;--surface:#fff;--ground:#fff;--quiet:#333;--line:#767b85;--brand:#000}main{margin:0;padding:0;max-width:none;min-height:0;border:0}.bill div{break-inside:avoid}}
`;

/** Nothing is loaded and nothing is sent: our style by its hash, and that is all. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function renderReceipt(page: ReceiptPage): RenderedPage {
  const texts = RECEIPT_TEXTS[page.locale];
  const newest = newestOf(page);
  const content = `${correction(page, newest, texts)}
${page.test ? `<p class="test">${texts.test}</p>` : ''}
${facts(page, newest, texts)}
${history(page, texts)}
${invoices(page, newest, texts)}
<p class="quiet-text">${texts.noInvoice}</p>`;
  const titles = { title: `${texts.title} ${newest.number}`, heading: texts.title };
  return { html: shell(page.locale, titles, content, STYLE), policy: POLICY };
}

/** For an address that opens nothing; it says no more than that. */
export function renderNoReceipt(locale: PageLocale): RenderedPage {
  const { title, notFound } = RECEIPT_TEXTS[locale];
  return { html: shell(locale, { title, heading: title }, `<p role="status">${notFound}</p>`, STYLE), policy: POLICY };
}

function newestOf({ versions }: ReceiptPage): ReceiptSubject {
  return versions.at(-1) ?? versions[0];
}

function correction(page: ReceiptPage, { version, reason, issuedAt }: ReceiptSubject, texts: ReceiptTexts): string {
  if (version === 1) return '';
  const text = texts.corrected.replace('{date}', () => day(issuedAt, page)).replace('{reason}', () => texts.reasons[reason]);
  return `<p class="corrected" role="status"><strong>${text}</strong></p>`;
}

/** The totals; what never happened is left out. */
function facts(page: ReceiptPage, { number, paid, refunded, chargedBack, kept, version }: ReceiptSubject, texts: ReceiptTexts): string {
  const row = (term: string, text: string, name = '') => `<div${name}><dt>${term}</dt><dd>${text}</dd></div>`;
  const happened = [
    [texts.refunded, refunded],
    [texts.chargedBack, chargedBack],
  ] as const;
  return `<dl class="bill">
${row(texts.payee, escapeHtml(page.payee))}
${row(texts.purpose, escapeHtml(page.description))}
${row(texts.number, escapeHtml(number))}
${row(texts.paid, money(paid, page.locale), version === 1 ? ' class="sum"' : '')}
${happened.map(([term, amount]) => (isZero(amount) ? '' : row(term, money(amount, page.locale, '-')))).join('\n')}
${version === 1 ? '' : row(texts.kept, money(kept, page.locale), ' class="sum"')}
</dl>`;
}

function history(page: ReceiptPage, texts: ReceiptTexts): string {
  const entries = page.versions.map(({ movedAt, reason, change }) => {
    const amount = money(change, page.locale, ADDS.has(reason) ? '' : '-');
    return `<div><dt class="what"><span>${day(movedAt, page)}</span>${sentence(texts.reasons[reason])}</dt><dd>${amount}</dd></div>`;
  });
  const older = page.versions[0].version > 1 ? `<p class="quiet-text">${texts.older}</p>` : '';
  return `<h2>${texts.history}</h2>\n${older}<dl class="bill">${entries.join('\n')}</dl>`;
}

function invoices({ locale }: ReceiptPage, { invoices: paidFor }: ReceiptSubject, texts: ReceiptTexts): string {
  if (paidFor.length === 0) return '';
  const entries = paidFor.map(({ number, description, part, total, vat }) => {
    const shares = vat.filter((one) => !isZero(one.vat));
    const lines = shares.map((one) => {
      const rate = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 }).format(one.rate / 10_000);
      return texts.vat
        .replace('{rate}', () => rate)
        .replace('{vat}', () => money(one.vat, locale))
        .replace('{net}', () => money(one.net, locale));
    });
    const about = [...(description === '' ? [] : [escapeHtml(description)]), ...lines].map(
      (line) => `<span class="quiet-text">${line}</span>`,
    );
    const share = texts.partOf.replace('{part}', () => money(part, locale)).replace('{total}', () => money(total, locale));
    return `<div class="for"><dt>${texts.invoice.replace('{number}', () => escapeHtml(number))}</dt><dd>${about.join('')}<span>${share}</span></dd></div>`;
  });
  return `<h2>${texts.invoices}</h2>\n<dl class="bill">${entries.join('\n')}</dl>`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** @param sign put before an amount above zero; one that is below zero has its own */
function money({ amount, currency }: WireAmount, locale: PageLocale, sign: '' | '-' = ''): string {
  // A decimal text is formatted exactly (ECMA-402 NumberFormat v3); the type of TypeScript's library asks for the digits to be visible.
  const text = `${sign}${amount}` as `${number}`;
  return escapeHtml(new Intl.NumberFormat(locale, { style: 'currency', currency }).format(text));
}

function isZero({ amount }: WireAmount): boolean {
  return !/[1-9]/.test(amount);
}

function day(instant: string, { locale, timeZone }: ReceiptPage): string {
  return escapeHtml(new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone }).format(new Date(instant)));
}
