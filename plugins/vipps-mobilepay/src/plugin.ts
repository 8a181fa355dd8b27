import { definePlugin } from '@kassaflow/plugin-sdk';
import { mandates } from './agreements.ts';
import { check } from './connection.ts';
import { payments } from './payments.ts';
import { settings } from './settings.ts';
import { VERSION } from './system-headers.ts';
import { HOSTS } from './tokens.ts';
import { CALLS_PER_SECOND } from './unverified.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'vipps-mobilepay',
  title: 'Vipps MobilePay',
  about: {
    en: 'Payments approved in the Vipps or MobilePay app: by link, push or code, once or by agreement.',
    nl: 'Betalingen die in de app van Vipps of MobilePay worden goedgekeurd: via link, push of code, eenmalig of per overeenkomst.',
    da: 'Betalinger, der godkendes i Vipps eller MobilePay: via link, push eller kode, én gang eller efter aftale.',
    nb: 'Betalinger som godkjennes i Vipps eller MobilePay: med lenke, push eller kode, én gang eller etter avtale.',
  },
  version: VERSION,
  api: 1,
  hosts: [HOSTS.test, HOSTS.live],
  callsPerSecond: CALLS_PER_SECOND,
  connection: { settings, check },
  payments,
  mandates,
  webhook,
});
