/** What the page of an invoice says beside the texts of the payment page. */
import type { PageLocale } from '../page/page-texts.ts';

export interface InvoicePageTexts {
  readonly invoice: string;
  readonly issuedOn: string;
  readonly dueOn: string;
  readonly line: string;
  readonly net: string;
  readonly vat: string;
  readonly total: string;
  readonly alreadyPaid: string;
  readonly toPayment: string;
  readonly paid: string;
  readonly cancelled: string;
  /** Not asked for any more, and still to be paid by who wants to. */
  readonly givenUp: string;
  readonly notNow: string;
}

export const INVOICE_PAGE_TEXTS: Readonly<Record<PageLocale, InvoicePageTexts>> = {
  nl: {
    invoice: 'Factuur',
    issuedOn: 'Factuurdatum',
    dueOn: 'Te betalen voor',
    line: 'Omschrijving',
    net: 'Zonder btw',
    vat: 'Btw',
    total: 'Totaal',
    alreadyPaid: 'Al betaald',
    toPayment: 'Naar de betaling',
    paid: 'Deze factuur is betaald.',
    cancelled: 'Deze factuur is ingetrokken. U hoeft niets te betalen.',
    givenUp: 'Wij vragen u niet meer om deze factuur te betalen. Dat kan nog wel.',
    notNow: 'Betalen kan nu even niet. Probeer het over een paar minuten opnieuw.',
  },
  en: {
    invoice: 'Invoice',
    issuedOn: 'Invoice date',
    dueOn: 'To be paid by',
    line: 'Description',
    net: 'Without VAT',
    vat: 'VAT',
    total: 'Total',
    alreadyPaid: 'Already paid',
    toPayment: 'Go to the payment',
    paid: 'This invoice is paid.',
    cancelled: 'This invoice was withdrawn. There is nothing to pay.',
    givenUp: 'We do not ask you to pay this invoice any more. You still can.',
    notNow: 'You cannot pay right now. Try again in a few minutes.',
  },
  da: {
    invoice: 'Faktura',
    issuedOn: 'Fakturadato',
    dueOn: 'Betales senest',
    line: 'Beskrivelse',
    net: 'Uden moms',
    vat: 'Moms',
    total: 'I alt',
    alreadyPaid: 'Allerede betalt',
    toPayment: 'Gå til betaling',
    paid: 'Fakturaen er betalt.',
    cancelled: 'Fakturaen er trukket tilbage. Der er intet at betale.',
    givenUp: 'Vi beder dig ikke længere om at betale fakturaen. Du kan stadig gøre det.',
    notNow: 'Du kan ikke betale lige nu. Prøv igen om nogle minutter.',
  },
  nb: {
    invoice: 'Faktura',
    issuedOn: 'Fakturadato',
    dueOn: 'Betales innen',
    line: 'Beskrivelse',
    net: 'Uten mva.',
    vat: 'Mva.',
    total: 'Totalt',
    alreadyPaid: 'Allerede betalt',
    toPayment: 'Gå til betaling',
    paid: 'Fakturaen er betalt.',
    cancelled: 'Fakturaen er trukket tilbake. Det er ingenting å betale.',
    givenUp: 'Vi ber deg ikke lenger om å betale fakturaen. Du kan fortsatt gjøre det.',
    notNow: 'Du kan ikke betale akkurat nå. Prøv igjen om noen minutter.',
  },
};
