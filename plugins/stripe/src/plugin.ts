import { definePlugin, ok } from '@kassaflow/plugin-sdk';
import { callStripe, HOST, modeOf } from './client.ts';
import { mandates } from './mandates.ts';
import { payments } from './payments.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'stripe',
  title: 'Stripe',
  about: {
    en: 'Cards, iDEAL, Bancontact, SEPA direct debit and more, on Stripe’s page or with its fields on yours.',
    nl: 'Kaarten, iDEAL, Bancontact, SEPA-incasso en meer, op de pagina van Stripe of met zijn velden op die van u.',
    da: 'Kort, iDEAL, Bancontact, SEPA og mere, på Stripes side eller med dets felter på din.',
    nb: 'Kort, iDEAL, Bancontact, SEPA og mer, på siden til Stripe eller med feltene deres på din.',
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
  mandates,
  webhook,
});
