import type { From, Schema } from '@kassaflow/plugin-sdk';

export const settings = {
  type: 'object',
  required: ['clientId', 'clientSecret', 'subscriptionKey', 'merchantSerialNumber'],
  properties: {
    clientId: {
      type: 'string',
      title: { en: 'Client id', nl: 'Client-id', da: 'Klient-id', nb: 'Klient-id' },
      description: 'All four values are under Developer in the business portal. Test and live have their own.',
      minLength: 8,
      maxLength: 100,
    },
    clientSecret: {
      type: 'string',
      title: { en: 'Client secret', nl: 'Clientgeheim', da: 'Klienthemmelighed', nb: 'Klienthemmelighet' },
      minLength: 8,
      maxLength: 200,
      'x-secret': true,
    },
    subscriptionKey: {
      type: 'string',
      title: { en: 'Subscription key', nl: 'Abonnementssleutel', da: 'Abonnementsnøgle', nb: 'Abonnementsnøkkel' },
      description: 'Ocp-Apim-Subscription-Key, primary or secondary.',
      minLength: 8,
      maxLength: 100,
      'x-secret': true,
    },
    merchantSerialNumber: {
      type: 'string',
      title: { en: 'Merchant serial number', nl: 'Verkooppuntnummer (MSN)', da: 'Salgsstedsnummer (MSN)', nb: 'Salgsstedsnummer (MSN)' },
      pattern: '^[0-9]{4,10}$',
      'x-placeholder': '123456',
    },
    market: {
      type: 'string',
      title: { en: 'Market', nl: 'Markt', da: 'Marked', nb: 'Marked' },
      description: 'A sales unit takes one currency: NO kroner, DK kroner or FI euro. Payments in another one are then not offered.',
      enum: ['NO', 'DK', 'FI'],
    },
    features: {
      type: 'array',
      title: { en: 'Approved features', nl: 'Goedgekeurde functies', da: 'Godkendte funktioner', nb: 'Godkjente funksjoner' },
      description: 'What Vipps MobilePay has approved for this sales unit; there is no call that tells it.',
      items: { type: 'string', enum: ['push', 'long-living', 'recurring', 'card'] },
      default: [],
    },
    chargeRetryDays: {
      type: 'integer',
      title: { en: 'Days of retrying a charge', nl: 'Dagen opnieuw proberen', da: 'Dage med nye forsøg', nb: 'Dager med nye forsøk' },
      description: 'After the due date Vipps MobilePay itself tries a charge again for so many days, and tells the customer what to do.',
      minimum: 0,
      maximum: 14,
      default: 2,
      'x-advanced': true,
    },
    agreementPage: {
      type: 'string',
      format: 'uri',
      title: { en: 'Agreement page', nl: 'Pagina van de overeenkomst', da: 'Aftaleside', nb: 'Avtaleside' },
      description: 'Where customers see and end an agreement. Without it they are led to the page to which they returned.',
      'x-advanced': true,
    },
    pointOfSale: {
      type: 'boolean',
      title: {
        en: 'Codes are shown in a shop',
        nl: 'Codes worden in een winkel getoond',
        da: 'Koder vises i en butik',
        nb: 'Koder vises i en butikk',
      },
      description: 'Vipps MobilePay wants to know when the customer is present.',
      default: false,
      'x-advanced': true,
    },
    webhookId: {
      type: 'string',
      title: { en: 'Webhook id', nl: 'Webhook-id', da: 'Webhook-id', nb: 'Webhook-id' },
      description: 'Filled in when the webhook is registered, with its secret.',
      maxLength: 100,
      'x-advanced': true,
    },
    webhookSecret: {
      type: 'string',
      title: { en: 'Webhook secret', nl: 'Webhook-geheim', da: 'Webhook-hemmelighed', nb: 'Webhook-hemmelighet' },
      maxLength: 500,
      'x-secret': true,
      'x-advanced': true,
    },
    webhookSecretBefore: {
      type: 'string',
      title: {
        en: 'Earlier webhook secret',
        nl: 'Eerder webhook-geheim',
        da: 'Tidligere webhook-hemmelighed',
        nb: 'Tidligere webhook-hemmelighet',
      },
      description: 'Still accepted, so that a change of the registration loses no event.',
      maxLength: 500,
      'x-secret': true,
      'x-advanced': true,
    },
    reportClientId: {
      type: 'string',
      title: {
        en: 'Accounting key: client id',
        nl: 'Boekhoudsleutel: client-id',
        da: 'Regnskabsnøgle: klient-id',
        nb: 'Regnskapsnøkkel: klient-id',
      },
      description: 'For settlements, when the sales unit’s own keys may not read them.',
      maxLength: 100,
      'x-advanced': true,
    },
    reportClientSecret: {
      type: 'string',
      title: {
        en: 'Accounting key: secret',
        nl: 'Boekhoudsleutel: geheim',
        da: 'Regnskabsnøgle: hemmelighed',
        nb: 'Regnskapsnøkkel: hemmelighet',
      },
      maxLength: 200,
      'x-secret': true,
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;

/** What the sales unit has been approved for. */
export function isApproved({ features }: Readonly<Settings>, feature: 'push' | 'long-living' | 'recurring' | 'card'): boolean {
  return features?.includes(feature) ?? false;
}
