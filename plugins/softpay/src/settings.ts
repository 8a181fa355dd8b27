import type { From, Schema } from '@kassaflow/plugin-sdk';
import { APP_ID } from './wire.ts';

export const settings = {
  type: 'object',
  required: ['clientId', 'clientSecret', 'merchant'],
  properties: {
    clientId: {
      type: 'string',
      title: { en: 'Client ID', nl: 'Client-ID', da: 'Klient-ID', nb: 'Klient-ID' },
      minLength: 4,
      maxLength: 200,
    },
    clientSecret: {
      type: 'string',
      title: { en: 'Secret', nl: 'Geheim', da: 'Hemmelighed', nb: 'Hemmelighet' },
      minLength: 8,
      maxLength: 400,
      'x-secret': true,
    },
    merchant: {
      type: 'string',
      title: { en: 'Merchant reference', nl: 'Handelaarskenmerk', da: 'Forretningsreference', nb: 'Forhandlerreferanse' },
      description: 'The UUID by which Softpay knows the merchant.',
      pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
    },
    appId: {
      type: 'string',
      title: { en: 'Phone', nl: 'Telefoon', da: 'Telefon', nb: 'Telefon' },
      description: 'The app that is asked when a payment names no device.',
      pattern: APP_ID,
      'x-placeholder': 'ABC1234567890',
    },
    apiVersion: {
      type: 'string',
      title: { en: 'API version', nl: 'API-versie', da: 'API-version', nb: 'API-versjon' },
      enum: ['v3', 'v1'],
      default: 'v3',
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
