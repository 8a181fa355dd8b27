/** Softpay for the conformance kit, with the wire-level server that the plugin's own tests use. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalProvider, Subject } from '@kassaflow/plugin-sdk/testing';
import { startSoftpayServer, type SoftpayServer } from '../../../test/providers/softpay-server.ts';
import plugin from '../src/plugin.ts';

export const subject: Subject = {
  plugin,
  folder: path.join(path.dirname(fileURLToPath(import.meta.url)), '..'),
  start: async () => localProvider(await startSoftpayServer()),
};

function localProvider(softpay: SoftpayServer): LocalProvider {
  const { clientId, clientSecret, merchant } = softpay;
  const settings = { clientId, clientSecret, merchant };
  const requestOf = (providerId: string): string => providerId.split('.')[0] ?? '';
  return {
    origins: Object.fromEntries(plugin.hosts.map((host) => [`https://${host}`, softpay.url])),
    settings,
    now: () => softpay.now(),
    wrongKey: { settings: { ...settings, clientSecret: 'wrong-wrong-wrong' }, field: 'clientSecret' },
    tokenPath: /^\/oauth2\/token$/,
    payments: {
      webhookUrl: 'https://kassaflow.example/webhooks/softpay/con_1',
      order: { flow: 'tap', device: 'ABC1234567890', amount: { amount: '125.00', currency: 'DKK' } },
      made: (reference) => softpay.begun().filter(({ posReferenceNumber }) => posReferenceNumber === reference).length,
      approve: (id) => softpay.tap(requestOf(id)),
      decline: (id, code) => softpay.decline(requestOf(id), code),
      declines: {
        '05': 'card-declined',
        '51': 'insufficient-funds',
        '54': 'card-expired',
        '41': 'fraud',
        '61': 'limit',
        '14': 'account-closed',
        '55': 'authentication-failed',
        '96': 'technical',
      },
      strange: (id, word) => void Object.assign(softpay.transaction(requestOf(id)), { state: word }),
    },
    close: () => softpay.close(),
  };
}
