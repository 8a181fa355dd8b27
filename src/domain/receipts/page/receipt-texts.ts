/** What the page of a receipt says, in the languages of the payment page, in plain words. */
import type { ReceiptReason } from '../../../events/catalogue/subjects.ts';
import type { PageLocale } from '../../checkout/index.ts';

export interface ReceiptTexts {
  readonly title: string;
  readonly number: string;
  /** Before the name of who was paid. */
  readonly payee: string;
  readonly purpose: string;
  readonly paid: string;
  readonly refunded: string;
  readonly chargedBack: string;
  /** What of it stands. */
  readonly kept: string;
  /** `{date}` and `{reason}` are replaced. */
  readonly corrected: string;
  /** What has become of the money, by the reason of the version. */
  readonly reasons: Readonly<Record<ReceiptReason, string>>;
  readonly history: string;
  readonly invoices: string;
  /** `{number}` is replaced. */
  readonly invoice: string;
  /** `{part}` and `{total}` are replaced. */
  readonly partOf: string;
  /** `{rate}`, `{vat}` and `{net}` are replaced. */
  readonly vat: string;
  readonly older: string;
  readonly noInvoice: string;
  readonly test: string;
  readonly notFound: string;
}

export const RECEIPT_TEXTS: Readonly<Record<PageLocale, ReceiptTexts>> = {
  nl: {
    title: 'Betaalbewijs',
    number: 'Nummer',
    payee: 'Betaald aan',
    purpose: 'Voor',
    paid: 'Betaald',
    refunded: 'Terugbetaald',
    chargedBack: 'Teruggehaald door de bank',
    kept: 'Blijft betaald',
    corrected: 'Gecorrigeerd op {date}: {reason}.',
    reasons: {
      paid: 'betaald',
      refunded: 'aan u terugbetaald',
      'refund-failed': 'een terugbetaling kwam niet aan en is teruggekomen',
      returned: 'de incasso is door uw bank teruggeboekt',
      'charged-back': 'teruggehaald door uw bank of kaartmaatschappij',
      'won-back': 'uw bank of kaartmaatschappij heeft het bedrag weer aan de winkel gegeven',
      reversed: 'de betaling is toch niet doorgegaan',
    },
    history: 'Wat er is gebeurd',
    invoices: 'Waarvoor',
    invoice: 'Factuur {number}',
    partOf: 'Met deze betaling voldaan: {part} van {total}',
    vat: 'Op de factuur: {rate} btw, {vat} over {net}',
    older: 'Oudere correcties staan hier niet.',
    noInvoice: 'Dit is een bewijs van betaling en geen factuur.',
    test: 'Test: er is geen echt geld betaald.',
    notFound: 'Dit betaalbewijs is er niet, of niet meer. Controleer de link, of vraag de winkel om een nieuwe.',
  },
  en: {
    title: 'Receipt',
    number: 'Number',
    payee: 'Paid to',
    purpose: 'For',
    paid: 'Paid',
    refunded: 'Paid back',
    chargedBack: 'Taken back by the bank',
    kept: 'Remains paid',
    corrected: 'Corrected on {date}: {reason}.',
    reasons: {
      paid: 'paid',
      refunded: 'paid back to you',
      'refund-failed': 'a repayment did not arrive and came back',
      returned: 'your bank returned the direct debit',
      'charged-back': 'taken back by your bank or card company',
      'won-back': 'your bank or card company gave the amount to the shop again',
      reversed: 'the payment did not go through after all',
    },
    history: 'What happened',
    invoices: 'What it was for',
    invoice: 'Invoice {number}',
    partOf: 'Covered by this payment: {part} of {total}',
    vat: 'On the invoice: {rate} VAT, {vat} on {net}',
    older: 'Older corrections are not shown.',
    noInvoice: 'This is a receipt for a payment and not an invoice.',
    test: 'Test: no real money was paid.',
    notFound: 'This receipt does not exist, or no longer. Check the link, or ask the shop for a new one.',
  },
  da: {
    title: 'Kvittering',
    number: 'Nummer',
    payee: 'Betalt til',
    purpose: 'For',
    paid: 'Betalt',
    refunded: 'Betalt tilbage',
    chargedBack: 'Taget tilbage af banken',
    kept: 'Forbliver betalt',
    corrected: 'Rettet den {date}: {reason}.',
    reasons: {
      paid: 'betalt',
      refunded: 'betalt tilbage til dig',
      'refund-failed': 'en tilbagebetaling nåede ikke frem og kom retur',
      returned: 'din bank har returneret betalingen',
      'charged-back': 'taget tilbage af din bank eller dit kortselskab',
      'won-back': 'din bank eller dit kortselskab har igen givet beløbet til butikken',
      reversed: 'betalingen blev alligevel ikke gennemført',
    },
    history: 'Hvad der er sket',
    invoices: 'Hvad du betalte for',
    invoice: 'Faktura {number}',
    partOf: 'Dækket af denne betaling: {part} af {total}',
    vat: 'På fakturaen: {rate} moms, {vat} af {net}',
    older: 'Ældre rettelser vises ikke.',
    noInvoice: 'Dette er en kvittering for en betaling og ikke en faktura.',
    test: 'Test: der er ikke betalt rigtige penge.',
    notFound: 'Kvitteringen findes ikke, eller ikke længere. Tjek linket, eller bed butikken om et nyt.',
  },
  nb: {
    title: 'Kvittering',
    number: 'Nummer',
    payee: 'Betalt til',
    purpose: 'For',
    paid: 'Betalt',
    refunded: 'Betalt tilbake',
    chargedBack: 'Tatt tilbake av banken',
    kept: 'Forblir betalt',
    corrected: 'Rettet {date}: {reason}.',
    reasons: {
      paid: 'betalt',
      refunded: 'betalt tilbake til deg',
      'refund-failed': 'en tilbakebetaling kom ikke fram og er returnert',
      returned: 'banken din har returnert betalingen',
      'charged-back': 'tatt tilbake av banken eller kortselskapet ditt',
      'won-back': 'banken eller kortselskapet ditt har gitt beløpet til butikken igjen',
      reversed: 'betalingen ble likevel ikke gjennomført',
    },
    history: 'Hva som har skjedd',
    invoices: 'Hva du betalte for',
    invoice: 'Faktura {number}',
    partOf: 'Dekket av denne betalingen: {part} av {total}',
    vat: 'På fakturaen: {rate} mva., {vat} av {net}',
    older: 'Eldre rettelser vises ikke.',
    noInvoice: 'Dette er en kvittering for en betaling og ikke en faktura.',
    test: 'Test: det er ikke betalt ekte penger.',
    notFound: 'Kvitteringen finnes ikke, eller ikke lenger. Sjekk lenken, eller be butikken om en ny.',
  },
};
