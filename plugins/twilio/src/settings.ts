import type { From, Schema } from '@kassaflow/plugin-sdk';

export const settings = {
  type: 'object',
  required: ['accountSid', 'authToken', 'from'],
  properties: {
    accountSid: { type: 'string', title: 'Account SID', pattern: '^AC[0-9a-f]{32}$', 'x-placeholder': 'AC…' },
    authToken: { type: 'string', title: 'Auth token', minLength: 32, maxLength: 64, 'x-secret': true },
    secondaryAuthToken: {
      type: 'string',
      title: 'Secondary auth token',
      description: 'While you rotate: callbacks signed with either token are trusted.',
      minLength: 32,
      maxLength: 64,
      'x-secret': true,
      'x-advanced': true,
    },
    from: {
      type: 'string',
      title: { en: 'Sender', nl: 'Afzender', da: 'Afsender', nb: 'Avsender' },
      description: 'A number (+31…), a name of at most 11 letters and digits, or a messaging service (MG…).',
      pattern: '^(\\+[1-9][0-9]{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11})$',
    },
    validitySeconds: {
      type: 'integer',
      title: 'Give up after',
      description: 'Seconds in which the message may still be delivered; 3600 suits payment links.',
      minimum: 60,
      maximum: 36_000,
      default: 3600,
      'x-advanced': true,
    },
    statusCallback: {
      type: 'string',
      format: 'uri',
      title: 'Status callback',
      description: 'This connection’s webhook address, to learn whether messages arrive.',
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
