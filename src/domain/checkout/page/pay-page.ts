/** The payment page as HTML: pure text from data, everything that comes from outside escaped. It works without JavaScript. */
import { EXTENSION_MS } from '../checkout-session.ts';
import { chooseForm, chooseScripts } from './choose-form.ts';
import { escapeHtml } from './escape-html.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { amountText, shell, type RenderedPage, type Titles } from './page-shell.ts';
import { pagePolicy } from './page-policy.ts';
import { PAGE_STYLE } from './page-style.ts';
import { PAGE_TEXTS, type PageLocale, type PageTexts } from './page-texts.ts';
import type { PageView, PayPage } from './page-view.ts';
import { scanCode } from './scan-code.ts';
import { SESSION_END_SCRIPT } from './session-end-script.ts';

/** How much time has to be left for the page not to speak of it. */
const SHOW_TIME_MS = 3_600_000;

interface Script {
  readonly text: string;
  readonly data?: Readonly<Record<string, string>>;
}

export function renderPage(page: PayPage): RenderedPage {
  const texts = PAGE_TEXTS[page.locale];
  const { view } = page;
  const scripts = scriptsOf(page, texts);
  const content = `${bill(page, texts)}
${page.test ? `<p class="test">${texts.test}</p>` : ''}
${body(page, texts)}
${view.kind === 'choose' ? sessionEnd(page, texts) : ''}
${scripts.map(scriptElement).join('\n')}`;
  const choices = view.kind === 'choose' ? view.choices : [];
  return {
    html: shell(page.locale, titlesOf(page, texts), content),
    policy: pagePolicy({ test: page.test, scripts: scripts.map(({ text }) => text), style: PAGE_STYLE, choices }),
  };
}

/** For an address that opens nothing; it says no more than that. */
export function renderNotFound(locale: PageLocale): RenderedPage {
  const texts = PAGE_TEXTS[locale];
  return {
    html: shell(locale, { title: texts.title, heading: texts.title }, `<p role="status">${texts.notFound}</p>`),
    policy: pagePolicy({ test: false, scripts: [], style: PAGE_STYLE, choices: [] }),
  };
}

function scriptsOf(page: PayPage, texts: PageTexts): Script[] {
  const { view, path, live } = page;
  const follow = (word: 'status' | 'state' | ''): Script => ({ text: LIVE_SCRIPT, data: { path, word, ...live } });
  if (view.kind === 'pending') return [follow('state')];
  if (view.kind !== 'choose') return [follow('')];
  const choosing = chooseScripts(view).map(({ text, isOurs }) => ({ text, ...(isOurs && { data: { path, failed: texts.fieldsFailed } }) }));
  const end = { text: SESSION_END_SCRIPT, data: { path, left: String(page.leftMs), closes: texts.closesIn } };
  return [...choosing, follow('status'), end];
}

function scriptElement({ text, data = {} }: Script): string {
  const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${escapeHtml(value)}"`);
  return `<script${attributes.join('')}>${text}</script>`;
}

/** What is paid, to whom: to be looked over before the button is pressed (WCAG 2.2, 3.3.4). */
function bill(page: PayPage, texts: PageTexts): string {
  return `<dl class="bill">
<div><dt>${texts.payee}</dt><dd>${escapeHtml(page.payee)}</dd></div>
<div><dt>${texts.purpose}</dt><dd>${escapeHtml(page.description)}</dd></div>
<div class="sum"><dt>${page.view.kind === 'choose' ? texts.toPay : texts.amount}</dt><dd>${amountText(page.amount, page.locale)}</dd></div>
</dl>`;
}

function body(page: PayPage, texts: PageTexts): string {
  const back = `<p><a class="button" href="${escapeHtml(page.returnUrl)}">${texts.backToShop}</a></p>`;
  switch (page.view.kind) {
    case 'choose':
      return chooseForm(page, page.view, texts, amountText(page.amount, page.locale));
    case 'pending':
      return pending(page, page.view, texts);
    case 'paid':
      return `<p class="good" role="status"><span aria-hidden="true">✓</span> ${texts.paid} ${amountText(page.amount, page.locale)}</p>${back}`;
    case 'expired':
    case 'cancelled':
      return `<p role="status">${texts[page.view.kind]}</p><p>${texts.askShop}</p>${back}`;
  }
}

type PendingView = PageView & { readonly kind: 'pending' };

function pending({ path, live }: PayPage, view: PendingView, texts: PageTexts): string {
  const { waiting, waitingLong } = texts;
  const [what, help] = {
    phone: [texts.onPhone, texts.onPhoneHelp],
    code: [texts.toScan, texts.toScanHelp],
    'code-over': [texts.codeOver, texts.codeOverHelp],
    terminal: [texts.atTerminal, ''],
    redirect: [waiting, waitingLong],
    wait: [waiting, waitingLong],
  }[view.next];
  return `<p class="waiting" role="status"><span aria-hidden="true">◔</span> ${what}</p>${help === '' ? '' : `<p>${help}</p>`}${wayOn(view, texts)}
<p><a class="button quiet" href="${escapeHtml(path)}/return">${texts.checkAgain}</a></p>
${live.status === 'pending' ? '' : `<p><a href="${escapeHtml(path)}?other">${texts.otherWay}</a></p>`}`;
}

/** What the payer does it with: a code to scan, or a link to go on. A code that cannot be drawn leaves its link. */
function wayOn(view: PendingView, texts: PageTexts): string {
  if (view.next !== 'code') return view.next === 'redirect' && view.url !== undefined ? goOn(view.url, texts.goOn, '') : '';
  const isAddress = /^https?:$/.test(URL.parse(view.code)?.protocol ?? '');
  return `${scanCode(view.code, texts.codeAlt) ?? ''}${isAddress ? goOn(view.code, texts.openHere, ' quiet') : ''}`;
}

function goOn(url: string, text: string, look: '' | ' quiet'): string {
  return `<p><a class="button${look}" href="${escapeHtml(url)}">${text}</a></p>`;
}

/** How long the page stays, and the warning before it closes. Without a script, more time is asked for by a button in the page. */
function sessionEnd({ path, leftMs, extensible, locale }: PayPage, texts: PageTexts): string {
  const minutes = Math.max(1, Math.ceil(leftMs / 60_000));
  const time = new Intl.NumberFormat(locale, { style: 'unit', unit: 'minute', unitDisplay: 'long' }).format(minutes);
  const line = leftMs > SHOW_TIME_MS ? '' : texts.closesIn.replace('{time}', time);
  const ask = (attribute: string) =>
    `<form method="post" action="${escapeHtml(path)}/extend"><button type="submit" ${attribute}>${texts.moreTime}</button></form>`;
  const close = `<form method="dialog"><button type="submit" autofocus>${texts.close}</button></form>`;
  return `<p id="time-left" class="quiet-text">${line}</p>
${extensible && leftMs < EXTENSION_MS ? `<noscript>${ask('class="quiet"')}</noscript>` : ''}
<dialog id="more-time" aria-labelledby="more-time-title">
<h2 id="more-time-title">${texts.moreTimeTitle}</h2>
<p>${extensible ? texts.moreTimeText : texts.noMoreTime}</p>
${extensible ? ask('autofocus') : close}
</dialog>`;
}

function titlesOf({ view }: PayPage, texts: PageTexts): Titles {
  const heading = view.kind === 'paid' ? texts.paid : texts.title;
  const isWrong = view.kind === 'choose' && view.problem !== undefined;
  return { title: isWrong ? `${texts.problem} – ${heading}` : heading, heading };
}
