import type { From, Schema } from '@kassaflow/plugin-sdk';

export const settings = {
  type: 'object',
  required: ['secretKey'],
  properties: {
    secretKey: {
      type: 'string',
      title: { en: 'Secret key', nl: 'Geheime sleutel', da: 'Hemmelig nøgle', nb: 'Hemmelig nøkkel' },
      description: 'A secret or restricted key. Its prefix tells test from live.',
      pattern: '^(sk|rk)_(test|live)_[A-Za-z0-9]{8,}$',
      'x-secret': true,
      'x-placeholder': 'sk_test_…',
    },
    publishableKey: {
      type: 'string',
      title: { en: 'Publishable key', nl: 'Publiceerbare sleutel', da: 'Offentlig nøgle', nb: 'Offentlig nøkkel' },
      description: 'Needed for payment fields on a page of yours (Stripe Elements). It is public.',
      pattern: '^pk_(test|live)_[A-Za-z0-9]{8,}$',
      'x-placeholder': 'pk_test_…',
    },
    webhookSecrets: {
      type: 'array',
      title: { en: 'Webhook signing secrets', nl: 'Webhook-geheimen', da: 'Webhook-hemmeligheder', nb: 'Webhook-hemmeligheter' },
      description:
        'From a webhook endpoint that you make yourself with this connection’s address. While you roll a secret: the new one first, then the old one.',
      items: { type: 'string', pattern: '^whsec_', minLength: 24, maxLength: 128 },
      default: [],
      'x-secret': true,
      'x-placeholder': 'whsec_…',
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
      title: {
        en: 'Secret of the registered webhook',
        nl: 'Geheim van de geregistreerde webhook',
        da: 'Hemmelighed for den registrerede webhook',
        nb: 'Hemmelighet for den registrerte webhooken',
      },
      description: 'Filled in when the webhook is registered for you.',
      pattern: '^whsec_',
      maxLength: 128,
      'x-secret': true,
      'x-advanced': true,
    },
    previousWebhookSecret: {
      type: 'string',
      title: {
        en: 'Secret of the webhook before',
        nl: 'Geheim van de vorige webhook',
        da: 'Hemmelighed for den forrige webhook',
        nb: 'Hemmelighet for den forrige webhooken',
      },
      description: 'Accepted too, for what was sent before the webhook was registered anew.',
      pattern: '^whsec_',
      maxLength: 128,
      'x-secret': true,
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
