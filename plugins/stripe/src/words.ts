/** Wallets that Stripe treats as cards: they are shown apart, and asked for as `card`. */
const WALLETS: ReadonlySet<string> = new Set(['apple_pay', 'google_pay']);

/** Our word for a way of paying → Stripe's: the same with underscores, and wallets are cards. */
export function stripeMethod(ours: string): string {
  const theirs = ours.replaceAll('-', '_');
  return WALLETS.has(theirs) ? 'card' : theirs;
}

/** Each once, in the order in which they are wished for. */
export function stripeMethods(ours: readonly string[]): string[] {
  return [...new Set(ours.map(stripeMethod))];
}

/** A method that Stripe adds tomorrow keeps Stripe's name, in kebab-case. */
export function ourMethod(theirs: string): string {
  return theirs.replaceAll('_', '-');
}

type Language = 'en' | 'nl' | 'da' | 'nb' | 'de' | 'fr';

/** Names that are not Stripe's word in capitals, and those that people call differently in their language. */
const TITLES: Readonly<Record<string, string | (Partial<Record<Language, string>> & { readonly en: string })>> = {
  alipay: 'Alipay',
  amazon_pay: 'Amazon Pay',
  apple_pay: 'Apple Pay',
  au_becs_debit: 'BECS Direct Debit',
  bacs_debit: 'Bacs Direct Debit',
  bancontact: 'Bancontact',
  blik: 'BLIK',
  card: { en: 'Card', nl: 'Kaart', da: 'Kort', nb: 'Kort', de: 'Karte', fr: 'Carte' },
  cartes_bancaires: 'Cartes Bancaires',
  cashapp: 'Cash App Pay',
  customer_balance: {
    en: 'Bank transfer',
    nl: 'Overschrijving',
    da: 'Bankoverførsel',
    nb: 'Bankoverføring',
    de: 'Überweisung',
    fr: 'Virement',
  },
  eps: 'EPS',
  google_pay: 'Google Pay',
  ideal: 'iDEAL',
  mb_way: 'MB WAY',
  mobilepay: 'MobilePay',
  p24: 'Przelewy24',
  paypal: 'PayPal',
  sepa_debit: {
    en: 'SEPA direct debit',
    nl: 'SEPA-incasso',
    da: 'SEPA-betalingsservice',
    nb: 'SEPA-belastning',
    de: 'SEPA-Lastschrift',
    fr: 'Prélèvement SEPA',
  },
  swish: 'Swish',
  twint: 'TWINT',
  wechat_pay: 'WeChat Pay',
};

/** What people call a way of paying: `iDEAL`, `SEPA-incasso`, and `Wero` for one that this plugin does not know. */
export function titleOf(theirs: string, locale: string | undefined): string {
  const known = TITLES[theirs];
  if (known === undefined)
    return theirs.replaceAll(/(^|_)([a-z])/g, (_all, gap: string, letter: string) => (gap && ' ') + letter.toUpperCase());
  if (typeof known === 'string') return known;
  return known[languageOf(locale) as Language] ?? known.en;
}

/** Languages of the checkout page that our portals use; Stripe asks the browser for any other. */
const LOCALES = ['da', 'de', 'en', 'es', 'fi', 'fr', 'it', 'nb', 'nl', 'pl', 'pt', 'sv'] as const;

/** Stripe's name for a language, `undefined` for one that it has no page in. */
export function localeOf(locale: string | undefined): (typeof LOCALES)[number] | undefined {
  const language = languageOf(locale);
  return LOCALES.find((known) => known === language);
}

/** Norwegian is one language to browsers and two to Stripe. */
function languageOf(locale: string | undefined): string | undefined {
  const language = locale?.split(/[-_]/)[0]?.toLowerCase();
  return language === 'no' || language === 'nn' ? 'nb' : language;
}
