import { definePlugin, ok } from '@kassaflow/plugin-sdk';
import { callStripe, HOST, modeOf } from './client.ts';
import { payments } from './payments.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'stripe',
  title: 'Stripe',
  about: {
    en: 'Cards, iDEAL, Bancontact, SEPA direct debit and more, on Stripe’s hosted checkout page.',
    nl: 'Kaarten, iDEAL, Bancontact, SEPA-incasso en meer, op de betaalpagina van Stripe.',
  },
  version: '0.1.0',
  api: 1,
  hosts: [HOST],
  connection: {
    settings,
    async check(context) {
      const account = await callStripe(context, 'read', async (stripe) => ok(await stripe.accounts.retrieveCurrent()));
      if (account.kind === 'ok') {
        const name = account.value.settings?.dashboard?.display_name;
        return { ok: true, account: name ? `${name} (${account.value.id})` : account.value.id, mode: modeOf(context.settings.secretKey) };
      }
      return {
        ok: false,
        message: account.message,
        ...(account.kind === 'failed' && account.reason === 'auth' ? { field: 'secretKey' } : {}),
      };
    },
  },
  payments,
  webhook,
});
