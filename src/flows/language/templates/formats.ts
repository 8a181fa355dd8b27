/** Amounts, dates and numbers in the receiver's language. */
import { parseMoney, decimal } from '../../../kernel/money.ts';

/** Languages of receivers; anything else is written as English. */
const LOCALES: Readonly<Record<string, string>> = { nl: 'nl-NL', en: 'en-IE', da: 'da-DK', nb: 'nb-NO', no: 'nb-NO' };

export interface Formats {
  readonly locale: string;
  money(wire: unknown): string;
  date(at: Date, style: 'short' | 'medium' | 'long'): string;
  time(at: Date): string;
  number(value: number): string;
  plural(count: number): Intl.LDMLPluralRule;
}

/**
 * @param language two letters, or a locale such as `nl-BE`
 * @param timeZone IANA name of the flow's zone
 */
export function formatsFor(language: string, timeZone: string): Formats {
  const locale = LOCALES[language.slice(0, 2).toLowerCase()] ?? 'en-IE';
  const key = `${locale} ${timeZone}`;
  const known = kept.get(key);
  if (known) return known;
  if (kept.size >= 100) kept.clear();
  const formats = makeFormats(locale, timeZone);
  kept.set(key, formats);
  return formats;
}

const kept = new Map<string, Formats>();

function makeFormats(locale: string, timeZone: string): Formats {
  const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 6 });
  const plurals = new Intl.PluralRules(locale);
  const times = new Intl.DateTimeFormat(locale, { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const dates = { short: dateFormat('short'), medium: dateFormat('medium'), long: dateFormat('long') };
  const amounts = new Map<string, Intl.NumberFormat>();
  function dateFormat(dateStyle: 'short' | 'medium' | 'long') {
    return new Intl.DateTimeFormat(locale, { timeZone, dateStyle });
  }
  return {
    locale,
    money(wire) {
      const value = parseMoney(wire);
      const digits = decimal(value).split('.')[1]?.length ?? 0;
      const format =
        amounts.get(value.currency) ??
        new Intl.NumberFormat(locale, {
          style: 'currency',
          currency: value.currency,
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
        });
      amounts.set(value.currency, format);
      // A decimal string keeps every digit; Intl takes it as it is (ES2023), the types do not know yet.
      return plainSpaces(format.format(decimal(value) as unknown as number));
    },
    date: (at, style) => plainSpaces(dates[style].format(at)),
    time: (at) => plainSpaces(times.format(at)),
    number: (value) => plainSpaces(numbers.format(value)),
    plural: (count) => plurals.select(count),
  };
}

/** No-break spaces of number formats are outside the SMS alphabet and would halve what fits in a message. */
function plainSpaces(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ');
}
