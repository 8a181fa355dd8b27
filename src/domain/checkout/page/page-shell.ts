/** What the pages for payers have in common. */
import { decimal, type Money } from '../../../kernel/money.ts';
import { escapeHtml } from './escape-html.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { PageLocale } from './page-texts.ts';

/** A page, and the Content-Security-Policy that goes with it. */
export interface RenderedPage {
  readonly html: string;
  readonly policy: string;
}

export interface Titles {
  /** Of the document: it is what a screen reader says first. */
  readonly title: string;
  readonly heading: string;
}

/**
 * @param content HTML
 * @param style in place of the payment page's; the policy has to name the same
 */
export function shell(locale: PageLocale, { title, heading }: Titles, content: string, style = PAGE_STYLE): string {
  return `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${style}</style>
</head>
<body><main><h1>${heading}</h1>
${content}
</main></body>
</html>
`;
}

/** Written as people of the language write it; the digits come from the exact decimal, never from a floating-point number. HTML. */
export function amountText(amount: Money, locale: PageLocale): string {
  // A decimal text is formatted exactly (ECMA-402 NumberFormat v3); the type of TypeScript's library asks for the digits to be visible.
  return escapeHtml(new Intl.NumberFormat(locale, { style: 'currency', currency: amount.currency }).format(decimal(amount) as `${number}`));
}
