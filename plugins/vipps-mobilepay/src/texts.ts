/** Texts that customers see in the app, within the provider's limits. */

/** One line of at most `most` UTF-16 units and never half a character; `otherwise` when less than `least` is left. */
export function lineOf(
  text: string,
  { least, most, otherwise }: { readonly least: number; readonly most: number; readonly otherwise: string },
): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const cut = cutTo(line, most);
  return cut.length >= least ? cut : cutTo(otherwise, most);
}

/** Digits only, country code first, 10 to 15 of them; `undefined` for a text that is no such number. */
export function msisdnOf(phone: string): string | undefined {
  const digits = phone.replace(/^\+/, '').replace(/[ ().-]/g, '');
  return /^\d{10,15}$/.test(digits) ? digits : undefined;
}

function cutTo(text: string, most: number): string {
  let kept = '';
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) {
    if (kept.length + segment.length > most) break;
    kept += segment;
  }
  return kept.trimEnd();
}
