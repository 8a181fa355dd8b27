/** Our word for a way of paying → Mollie's. Any other has the same name on both sides. */
const WORDS: Readonly<Record<string, string>> = {
  'apple-pay': 'applepay',
  'bank-transfer': 'banktransfer',
  card: 'creditcard',
  'google-pay': 'googlepay',
  'pay-by-bank': 'paybybank',
  'sepa-debit': 'directdebit',
  terminal: 'pointofsale',
};
const OURS: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(WORDS).map(([ours, theirs]) => [theirs, ours]));

export function mollieMethod(ours: string): string {
  return WORDS[ours] ?? ours;
}

/** A method that Mollie adds tomorrow keeps Mollie's name, in kebab-case. */
export function ourMethod(theirs: string): string {
  return (
    OURS[theirs] ??
    theirs
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replace(/^-/, 'x-')
  );
}

/** The languages of Mollie's pages (https://docs.mollie.com/reference/create-payment, `locale`), the first of a language being its default. */
const LOCALES = [
  'en_US',
  'en_GB',
  'nl_NL',
  'nl_BE',
  'de_DE',
  'de_AT',
  'de_CH',
  'de_LU',
  'fr_FR',
  'fr_BE',
  'fr_LU',
  'es_ES',
  'ca_ES',
  'pt_PT',
  'it_IT',
  'nb_NO',
  'sv_SE',
  'fi_FI',
  'da_DK',
  'is_IS',
  'hu_HU',
  'pl_PL',
  'lv_LV',
  'lt_LT',
];

/** Mollie's name for a language, `undefined` for one that it has no page in: then it asks the browser. */
export function localeOf(locale: string | undefined): string | undefined {
  if (locale === undefined) return undefined;
  const wanted = locale.replace('-', '_');
  return LOCALES.find((known) => known === wanted) ?? LOCALES.find((known) => known.slice(0, 2) === wanted.slice(0, 2).toLowerCase());
}
