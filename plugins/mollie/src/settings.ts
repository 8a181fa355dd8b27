import type { From, Schema } from '@kassaflow/plugin-sdk';

export const settings = {
  type: 'object',
  required: ['apiKey'],
  properties: {
    apiKey: {
      type: 'string',
      title: { en: 'API key', nl: 'API-sleutel', da: 'API-nøgle', nb: 'API-nøkkel' },
      description: 'The key of one website profile. Its prefix tells test from live.',
      pattern: '^(test|live)_[A-Za-z0-9]{8,}$',
      'x-secret': true,
      'x-placeholder': 'live_…',
    },
    organizationToken: {
      type: 'string',
      title: { en: 'Organisation token', nl: 'Organisatietoken', da: 'Organisationstoken', nb: 'Organisasjonstoken' },
      description:
        'Needed for settlements and signed webhooks only. Rights: settlements.read, payments.read, refunds.read, organizations.read, webhooks.read and .write, events.read.',
      pattern: '^access_[A-Za-z0-9]{8,}$',
      'x-secret': true,
      'x-placeholder': 'access_…',
    },
    webhookId: {
      type: 'string',
      title: { en: 'Webhook id', nl: 'Webhook-id', da: 'Webhook-id', nb: 'Webhook-id' },
      description: 'Filled in when the webhook is registered, with its secret.',
      maxLength: 100,
      'x-advanced': true,
    },
    profileId: {
      type: 'string',
      title: { en: 'Profile id', nl: 'Profiel-id', da: 'Profil-id', nb: 'Profil-ID' },
      description: 'Of the same website profile. With it, the payment page takes cards in Mollie’s own fields. It is public.',
      pattern: '^pfl_[A-Za-z0-9]{4,40}$',
      'x-placeholder': 'pfl_…',
    },
    webhookSecret: {
      type: 'string',
      title: { en: 'Webhook secret', nl: 'Webhook-geheim', da: 'Webhook-hemmelighed', nb: 'Webhook-hemmelighet' },
      description: 'Signs the newer kind of webhook. Filled in when the webhook is registered with an organisation token.',
      minLength: 8,
      maxLength: 255,
      'x-secret': true,
      'x-advanced': true,
    },
    previousWebhookSecret: {
      type: 'string',
      title: {
        en: 'Previous webhook secret',
        nl: 'Vorig webhook-geheim',
        da: 'Forrige webhook-hemmelighed',
        nb: 'Forrige webhook-hemmelighet',
      },
      description: 'Accepted too: for the 24 hours in which Mollie signs with both.',
      minLength: 8,
      maxLength: 255,
      'x-secret': true,
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
