import { readAmount } from './amount.ts';
import { METHODS, type Flow, type Method } from './payment-row.ts';
import { Problem } from './problem.ts';

interface Offer {
  readonly flows: readonly Flow[];
  /** Only in these currencies; absent for all. */
  readonly currencies?: readonly string[];
  /** In minor units of a currency with two decimals. */
  readonly most?: number;
  readonly titles: Readonly<Record<string, string>>;
}

const OFFERS: Readonly<Record<Method, Offer>> = {
  ideal: { flows: ['redirect', 'qr'], currencies: ['EUR'], titles: {} },
  card: { flows: ['redirect', 'qr'], titles: { nl: 'Kaart', da: 'Kort', nb: 'Kort', de: 'Karte', fr: 'Carte' } },
  'sepa-debit': {
    flows: ['redirect'],
    currencies: ['EUR'],
    most: 1_000_000,
    titles: { nl: 'Incasso', de: 'Lastschrift', fr: 'Prélèvement' },
  },
  wallet: {
    flows: ['push', 'qr', 'redirect'],
    currencies: ['EUR', 'DKK', 'NOK'],
    titles: { nl: 'Telefoon', da: 'Telefon', nb: 'Telefon' },
  },
};

/** What the pretend account takes for an amount. @throws Problem 400 */
export function offeredMethods(query: URLSearchParams): readonly Readonly<Record<string, unknown>>[] {
  const amount = readAmount({ amount: query.get('amount'), currency: query.get('currency') });
  if (!amount) throw new Problem(400, 'field_invalid', 'The amount must be money.', 'amount');
  const language = (query.get('locale') ?? 'en').split(/[-_]/)[0] ?? 'en';
  return (Object.entries(OFFERS) as readonly [Method, Offer][]) // the keys of the table above
    .filter(([, { currencies, most }]) => (currencies?.includes(amount.currency) ?? true) && amount.minor <= (most ?? Infinity))
    .map(([id, { flows, most, titles }]) => ({ id, title: titles[language] ?? METHODS[id], flows, most: most ?? null, saves: true }));
}
