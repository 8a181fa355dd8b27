import type { From, Schema } from '@kassaflow/plugin-sdk';
import { ORDER_HOURS } from './assumptions.ts';

export const settings = {
  type: 'object',
  required: ['clientId', 'clientSecret'],
  properties: {
    clientId: {
      type: 'string',
      title: { en: 'Client ID', nl: 'Client-ID', da: 'Klient-ID', nb: 'Klient-ID' },
      description: 'Of a REST app in PayPal’s developer dashboard. Sandbox and live have apps of their own.',
      pattern: '^[A-Za-z0-9_-]{10,120}$',
      'x-placeholder': 'AYSq3RDGsmBLJE-otTkBtM-jBRd1TCQwFf9RGfwddNXWz0uFU9ztymylOhRS',
    },
    clientSecret: {
      type: 'string',
      title: { en: 'Secret', nl: 'Geheim', da: 'Hemmelighed', nb: 'Hemmelighet' },
      pattern: '^[A-Za-z0-9_-]{10,120}$',
      'x-secret': true,
    },
    webhookId: {
      type: 'string',
      title: { en: 'Webhook ID', nl: 'Webhook-ID', da: 'Webhook-ID', nb: 'Webhook-ID' },
      description: 'Part of every signature. Filled in when the webhook is registered; two, with a space between, while it moves.',
      pattern: '^[A-Za-z0-9-]{5,50}( [A-Za-z0-9-]{5,50}){0,3}$',
      'x-secret': true,
      'x-advanced': true,
    },
    webhookCertificates: {
      type: 'string',
      title: { en: 'Webhook certificates', nl: 'Webhook-certificaten', da: 'Webhook-certifikater', nb: 'Webhook-sertifikater' },
      description: 'PEM texts, one after the other. Filled in when the webhook is registered; a certificate put in by hand is trusted too.',
      maxLength: 20_000,
      'x-secret': true,
      'x-multiline': true,
      'x-advanced': true,
    },
    orderHours: {
      type: 'integer',
      title: { en: 'Hours to approve', nl: 'Uren om goed te keuren', da: 'Timer til godkendelse', nb: 'Timer til godkjenning' },
      description: 'How long an order stays open: three hours unless PayPal has arranged another time with you.',
      enum: [3, 24, 48, 72],
      default: ORDER_HOURS,
      'x-advanced': true,
    },
    mockResponse: {
      type: 'string',
      title: { en: 'Sandbox: answer with', nl: 'Sandbox: antwoord met', da: 'Sandbox: svar med', nb: 'Sandbox: svar med' },
      description: 'Makes PayPal’s sandbox refuse one kind of call, to see what comes of it. Never sent by a live connection.',
      pattern: '^(create|authorize|capture|charge|refund|void):[A-Z_]{3,60}$',
      'x-placeholder': 'capture:INSTRUMENT_DECLINED',
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
