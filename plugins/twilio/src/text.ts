/** Characters outside GSM-7 that have a plain twin: one of them would halve what fits in a message. */
const TWINS: Readonly<Record<string, string>> = {
  '\u00A0': ' ', // `Intl` puts it between currency and amount
  '\u2007': ' ',
  '\u2009': ' ',
  '\u202F': ' ',
  '‘': "'",
  '’': "'",
  '‚': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '–': '-',
  '—': '-',
  '−': '-',
  '…': '...',
};

const FOREIGN = new RegExp(`[${Object.keys(TWINS).join('')}]`, 'gu');

/** The text with look-alikes in place of characters that only cost money. What has no twin (ë, emoji) stays as it is. */
export function plain(text: string): string {
  return text.replace(FOREIGN, (character) => TWINS[character] ?? character);
}

/** How many parts a text is sent, and paid, in. */
export async function countParts(text: string): Promise<number> {
  const { SegmentedMessage } = await import('sms-segments-calculator');
  return new SegmentedMessage(text).segmentsCount;
}
