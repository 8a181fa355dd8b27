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
    webhookSecrets: {
      type: 'array',
      title: { en: 'Webhook signing secrets', nl: 'Webhook-geheimen', da: 'Webhook-hemmeligheder', nb: 'Webhook-hemmeligheter' },
      description:
        'From the webhook endpoint that you make with this connection’s address. While you roll a secret: the new one first, then the old one.',
      items: { type: 'string', pattern: '^whsec_', minLength: 24, maxLength: 128 },
      default: [],
      'x-secret': true,
      'x-placeholder': 'whsec_…',
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
