/** The payment page as HTML: pure text from data, everything that comes from outside escaped. It works without JavaScript. */
import { createHash } from 'node:crypto';
import { decimal, type Money } from '../../../kernel/money.ts';
import type { Choice } from '../method-menu.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { PAGE_TEXTS, type PageLocale, type PageTexts } from './page-texts.ts';

/** What a page shows. */
export interface PayPage {
  readonly locale: PageLocale;
  /** `/pay/{token}`. */
  readonly path: string;
  readonly test: boolean;
  readonly amount: Money;
  readonly description: string;
  readonly returnUrl: string;
  readonly cancelUrl: string | undefined;
  readonly view: PageView;
}

/** The one thing that the payer sees and can do. */
export type PageView =
  | {
      readonly kind: 'choose';
      readonly choices: readonly Choice[];
      /** Chosen before: a failed form keeps what was filled in. */
      readonly chosen?: string;
      readonly phone?: string;
      readonly problem?: 'method' | 'phone' | 'not-now' | 'busy';
      /** Why the attempt before came to nothing, by the list of decline reasons; empty when nobody says. */
      readonly failed?: string;
    }
  | { readonly kind: 'pending'; readonly next: 'redirect' | 'phone' | 'wait'; readonly url?: string }
  | { readonly kind: 'paid' | 'expired' | 'cancelled' };

/** `script-src` and `style-src` name exactly these two texts; a form leads to the page itself and from there to a provider. */
export function pagePolicy(test: boolean): string {
  const toProviders = test ? "'self' https: http://localhost:* http://127.0.0.1:*" : "'self' https:";
  return (
    `default-src 'none'; script-src '${digest(LIVE_SCRIPT)}'; style-src '${digest(PAGE_STYLE)}'; img-src https:; connect-src 'self'; ` +
    `form-action ${toProviders}; base-uri 'none'; frame-ancestors 'none'`
  );
}

export function renderPage(page: PayPage): string {
  const texts = PAGE_TEXTS[page.locale];
  const { view, path } = page;
  const live = view.kind === 'pending' ? `<script data-path="${escape(path)}">${LIVE_SCRIPT}</script>` : '';
  return shell(
    page.locale,
    titleOf(page, texts),
    `<dl class="bill"><dt>${escape(page.description)}</dt><dd>${texts.toPay} <strong>${amountText(page)}</strong></dd></dl>
${page.test ? `<p class="test">${texts.test}</p>` : ''}
${body(page, texts)}
${live}`,
  );
}

/** For an address that opens nothing; it says no more than that. */
export function renderNotFound(locale: PageLocale): string {
  const texts = PAGE_TEXTS[locale];
  return shell(locale, texts.title, `<p role="status">${texts.notFound}</p>`);
}

function body(page: PayPage, texts: PageTexts): string {
  const back = `<p><a class="button" href="${escape(page.returnUrl)}">${texts.backToShop}</a></p>`;
  switch (page.view.kind) {
    case 'choose':
      return chooseForm(page, page.view, texts);
    case 'pending':
      return pending(page, page.view, texts);
    case 'paid':
      return `<p class="good" role="status">✓ ${texts.paid} ${amountText(page)}</p>${back}`;
    case 'expired':
    case 'cancelled':
      return `<p role="status">${texts[page.view.kind]}</p><p>${texts.askShop}</p>${back}`;
  }
}

function chooseForm(page: PayPage, view: PageView & { kind: 'choose' }, texts: PageTexts): string {
  const cancel = page.cancelUrl === undefined ? '' : `<p><a href="${escape(page.cancelUrl)}">${texts.doNotPay}</a></p>`;
  const failed =
    view.failed === undefined ? '' : `<p class="bad" role="status">✗ ${texts.notPaid}. ${escape(texts.reasons[view.failed] ?? '')}</p>`;
  if (view.choices.length === 0) {
    return `${failed}<p role="alert">${texts.noMethods}</p><p><a class="button" href="${escape(page.path)}">${texts.checkAgain}</a></p>${cancel}`;
  }
  const asksPhone = view.choices.some(({ flows }) => flows.includes('push'));
  const onlyOne = view.choices.length === 1;
  return `${failed}${problemSummary(view, texts)}
<form method="post" action="${escape(page.path)}">
<fieldset${view.problem === 'method' ? ' aria-describedby="problem"' : ''}><legend>${texts.choose}</legend>
${view.choices.map((choice, index) => radio(choice, index, onlyOne || choice.id === view.chosen, texts)).join('\n')}
</fieldset>
${asksPhone ? phoneField(view, texts) : ''}
<button type="submit">${texts.orderAndPay} ${amountText(page)}</button>
</form>${cancel}`;
}

function problemSummary({ problem }: PageView & { kind: 'choose' }, texts: PageTexts): string {
  if (problem === undefined) return '';
  const text = { method: texts.chooseProblem, phone: texts.phoneProblem, 'not-now': texts.notNow, busy: texts.busy }[problem];
  const target = problem === 'method' ? '#m0' : problem === 'phone' ? '#phone' : undefined;
  const shown = target === undefined ? text : `<a href="${target}">${text}</a>`;
  return `<div class="bad" role="alert" id="problem" tabindex="-1" autofocus><strong>${texts.problem}</strong><p>${shown}</p></div>`;
}

function radio({ id, title, imageUrl }: Choice, index: number, checked: boolean, texts: PageTexts): string {
  const image = imageUrl === undefined ? '' : `<img src="${escape(imageUrl)}" alt="" height="24">`;
  return `<label class="choice"><input type="radio" name="method" id="m${index}" value="${escape(id)}"${checked ? ' checked' : ''}> ${image}<span>${escape(title ?? texts.anyMethod)}</span></label>`;
}

function phoneField({ phone = '', problem }: PageView & { kind: 'choose' }, texts: PageTexts): string {
  const wrong = problem === 'phone' ? ' aria-invalid="true"' : '';
  return `<label for="phone">${texts.phone}</label>
<p id="phone-hint">${texts.phoneHint}</p>
<input id="phone" name="phone" type="tel" autocomplete="tel" maxlength="32" value="${escape(phone)}" aria-describedby="phone-hint${problem === 'phone' ? ' problem' : ''}"${wrong}>`;
}

function pending({ path }: PayPage, { next, url }: PageView & { kind: 'pending' }, texts: PageTexts): string {
  const what = next === 'phone' ? texts.onPhone : texts.waiting;
  const goOn = next === 'redirect' && url !== undefined ? `<p><a class="button" href="${escape(url)}">${texts.goOn}</a></p>` : '';
  return `<p role="status">◔ ${what}</p><p>${texts.waitingLong}</p>${goOn}
<p><a class="button quiet" href="${escape(path)}/return">${texts.checkAgain}</a></p>
${next === 'redirect' ? `<p><a href="${escape(path)}?other">${texts.choose}</a></p>` : ''}`;
}

function titleOf(page: PayPage, texts: PageTexts): string {
  const { view } = page;
  if (view.kind === 'choose' && view.problem !== undefined) return `${texts.problem} – ${texts.title}`;
  return view.kind === 'paid' ? texts.paid : texts.title;
}

function shell(locale: PageLocale, title: string, content: string): string {
  return `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${PAGE_STYLE}</style>
</head>
<body><main><h1>${title}</h1>
${content}
</main></body>
</html>
`;
}

/** Written as people of the language write it; the digits come from the exact decimal, never from a floating-point number. */
function amountText({ amount, locale }: Pick<PayPage, 'amount' | 'locale'>): string {
  // A decimal text is formatted exactly (ECMA-402 NumberFormat v3); the type of TypeScript's library asks for the digits to be visible.
  return escape(new Intl.NumberFormat(locale, { style: 'currency', currency: amount.currency }).format(decimal(amount) as `${number}`));
}

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
