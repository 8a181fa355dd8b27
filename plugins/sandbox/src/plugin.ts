import { definePlugin } from '@kassaflow/plugin-sdk';
import { accounting } from './accounting.ts';
import { HOST, read } from './client.ts';
import { mandates } from './mandates.ts';
import { sandboxEmail, sandboxSms } from './messages.ts';
import { payments } from './payments.ts';
import { settings } from './settings.ts';
import { messageSent, paymentChanged } from './triggers.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'sandbox',
  title: 'Sandbox',
  about: 'A complete pretend provider on this machine: payments, mandates, SMS, mail and an accounting book. No money moves.',
  version: '0.1.0',
  api: 1,
  hosts: [HOST],
  connection: {
    settings,
    async check(context) {
      const account = await read<{ readonly id: string; readonly name: string }>(context, '/v1/account');
      if (account.kind === 'ok') return { ok: true, account: `${account.value.name} (${account.value.id})`, mode: 'test' };
      return {
        ok: false,
        message: account.message,
        ...(account.kind === 'failed' && account.reason === 'auth' ? { field: 'apiKey' } : {}),
      };
    },
  },
  payments,
  mandates,
  accounting,
  webhook,
  actions: [sandboxSms, sandboxEmail],
  triggers: [messageSent, paymentChanged],
});
