import type { From, Schema } from '@kassaflow/plugin-sdk';

/** Any key of this form works and opens an account of its own at the sandbox. */
export const settings = {
  type: 'object',
  required: ['apiKey', 'webhookSecrets'],
  properties: {
    apiKey: {
      type: 'string',
      title: 'API key',
      pattern: '^sandbox_[A-Za-z0-9_]{8,64}$',
      'x-secret': true,
      'x-placeholder': 'sandbox_demo_key',
    },
    webhookSecrets: {
      type: 'array',
      title: 'Webhook signing secrets',
      description: 'The current one first, then the one before while you rotate.',
      items: { type: 'string', minLength: 24, maxLength: 128 },
      'x-secret': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
