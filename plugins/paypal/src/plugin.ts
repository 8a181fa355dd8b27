import { definePlugin } from '@kassaflow/plugin-sdk';
import { CALLS_PER_SECOND, CERTIFICATE_HOSTS } from './assumptions.ts';
import { check } from './check.ts';
import { mandates } from './mandates.ts';
import { payments } from './payments.ts';
import { settings } from './settings.ts';
import { HOSTS } from './tokens.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'paypal',
  title: 'PayPal',
  about: {
    en: 'PayPal wallets: checkout, holds, refunds, saved wallets, disputes and the account’s transactions.',
    nl: 'PayPal: afrekenen, reserveringen, terugbetalingen, opgeslagen accounts, geschillen en de transacties van de rekening.',
    da: 'PayPal: betaling, reservationer, refusioner, gemte konti, tvister og kontoens transaktioner.',
    nb: 'PayPal: betaling, reservasjoner, refusjoner, lagrede kontoer, tvister og kontoens transaksjoner.',
  },
  version: '0.1.0',
  api: 1,
  hosts: [...new Set([...Object.values(HOSTS), ...CERTIFICATE_HOSTS.test, ...CERTIFICATE_HOSTS.live])],
  callsPerSecond: CALLS_PER_SECOND,
  connection: { settings, check },
  payments,
  mandates,
  webhook,
});
