/** The form in which a payer chooses how to pay. Everything that he needs to look over before he pays stands on the page with it. */
import { CHOOSE_SCRIPT } from './choose-script.ts';
import { escapeHtml } from './escape-html.ts';
import type { PageTexts } from './page-texts.ts';
import { hasCodeToo, type ChooseProblem, type PageChoice, type PageView, type PayPage } from './page-view.ts';

type ChooseView = PageView & { readonly kind: 'choose' };

/** @param amount as people of the language write it */
export function chooseForm(page: PayPage, view: ChooseView, texts: PageTexts, amount: string): string {
  const cancel = page.cancelUrl === undefined ? '' : `<p><a href="${escapeHtml(page.cancelUrl)}">${texts.doNotPay}</a></p>`;
  const failed =
    view.failed === undefined
      ? ''
      : `<p class="bad" role="status">✗ ${texts.notPaid}. ${view.failed === '' ? '' : texts.reasons[view.failed]}</p>`;
  if (view.choices.length === 0) {
    return `${failed}<p role="alert">${texts.noMethods}</p><p><a class="button" href="${escapeHtml(page.path)}">${texts.checkAgain}</a></p>${cancel}`;
  }
  const onlyOne = view.choices.length === 1;
  const mounts = mountsOf(view.choices);
  return `${failed}${problemSummary(view, texts)}
<form method="post" action="${escapeHtml(page.path)}" id="pay">
<fieldset${view.problem === 'method' ? ' aria-describedby="problem"' : ''}><legend>${texts.choose}</legend>
${view.choices.map((choice, index) => way(choice, index, { view, texts, mounts, isChosen: onlyOne || choice.id === view.chosen })).join('\n')}
</fieldset>
${codeField(view, texts)}
${phoneField(view, texts)}
${keepsNote(view, texts)}<p class="bad" role="alert" id="fields-problem" tabindex="-1" hidden></p>
<button type="submit">${texts.orderAndPay} ${amount}</button>
</form>${cancel}`;
}

/** The texts of the scripts that the form needs, in order; each stands in an element of its own. */
export function chooseScripts({ choices }: ChooseView): { readonly text: string; readonly isOurs: boolean }[] {
  if (choices.length === 0) return [];
  const mounts = mountsOf(choices).map((mount, index) => ({
    text: `(window.kassaflowFields ??= {})[${index}] = ${mount};`,
    isOurs: false,
  }));
  return [...mounts, { text: CHOOSE_SCRIPT, isOurs: true }];
}

/** Each plugin's code once, however many of its ways are shown. */
function mountsOf(choices: readonly PageChoice[]): string[] {
  return [...new Set(choices.flatMap(({ hostedFields }) => (hostedFields ? [hostedFields.mount] : [])))];
}

/** What is wrong and what to do, in the payer's language. */
export function problemText(problem: ChooseProblem, texts: PageTexts): string {
  return {
    method: texts.chooseProblem,
    phone: texts.phoneProblem,
    'not-now': texts.notNow,
    busy: texts.busy,
    script: texts.needsScript,
  }[problem];
}

function problemSummary({ problem, choices }: ChooseView, texts: PageTexts): string {
  if (problem === undefined) return '';
  const text = problemText(problem, texts);
  const asksPhone = choices.some(({ flows }) => flows.includes('push'));
  const target = problem === 'method' ? '#m0' : problem === 'phone' && asksPhone ? '#phone' : undefined;
  const shown = target === undefined ? text : `<a href="${target}">${text}</a>`;
  return `<div class="bad problem" role="alert" id="problem" tabindex="-1" autofocus><strong>${texts.problem}</strong><p>${shown}</p></div>`;
}

interface WayOptions {
  readonly view: ChooseView;
  readonly texts: PageTexts;
  readonly mounts: readonly string[];
  readonly isChosen: boolean;
}

function way(choice: PageChoice, index: number, { view, texts, mounts, isChosen }: WayOptions): string {
  const { id, title, imageUrl, flows } = choice;
  const image = imageUrl === undefined ? '' : `<img src="${escapeHtml(imageUrl)}" alt="" height="24">`;
  const onPhone = flows.includes('push') ? ' data-phone' : '';
  const byCode = hasCodeToo(choice, view.device) ? ' data-code' : '';
  return `<div class="way"><label class="choice"><input type="radio" name="method" id="m${index}" value="${escapeHtml(id)}"${onPhone}${byCode}${isChosen ? ' checked' : ''}><span>${escapeHtml(title ?? texts.anyMethod)}</span>${image}</label>${fieldsOf(choice, index, mounts, texts)}</div>`;
}

function fieldsOf({ hostedFields, fields = {}, flows }: PageChoice, index: number, mounts: readonly string[], texts: PageTexts): string {
  if (!hostedFields) return '';
  const otherwise = flows.includes('redirect') ? 'redirect' : '';
  return `<div class="fields" id="m${index}-fields" role="group" aria-label="${texts.cardFields}" data-mount="${mounts.indexOf(hostedFields.mount)}" data-scripts="${escapeHtml(JSON.stringify(hostedFields.scripts))}" data-values="${escapeHtml(JSON.stringify(fields))}" data-otherwise="${otherwise}" hidden><div></div></div>`;
}

function keepsNote({ keepsForNext = false, choices }: ChooseView, texts: PageTexts): string {
  return keepsForNext && choices.some(({ saves }) => saves) ? `<p class="quiet-text">${texts.keptForNext}</p>\n` : '';
}

/** Browsers that know `:has()` show it only for a way that has a code; see the style. On a phone there is nothing to scan it with. */
function codeField({ choices, device, asCode = false }: ChooseView, texts: PageTexts): string {
  if (!choices.some((choice) => hasCodeToo(choice, device))) return '';
  return `<div class="way as-code"><label class="choice"><input type="checkbox" name="flow" value="qr"${asCode ? ' checked' : ''}><span>${texts.asCode}</span></label></div>`;
}

/** Browsers that know `:has()` show it only for a way that uses it; see the style. */
function phoneField({ phone = '', problem, choices }: ChooseView, texts: PageTexts): string {
  const asking = choices.filter(({ flows }) => flows.includes('push'));
  if (asking.length === 0) return '';
  const isOptional = asking.every(({ flows }) => flows.includes('redirect'));
  const wrong = problem === 'phone' ? ' aria-invalid="true"' : '';
  return `<div class="phone"><label for="phone">${texts.phone}</label>
<p id="phone-hint" class="quiet-text">${texts.phoneHint}${isOptional ? ` ${texts.phoneOptional}` : ''}</p>
<input id="phone" name="phone" type="tel" autocomplete="tel" maxlength="32" value="${escapeHtml(phone)}" aria-describedby="phone-hint${problem === 'phone' ? ' problem' : ''}"${wrong}></div>`;
}
