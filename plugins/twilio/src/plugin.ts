import { definePlugin, ok } from '@kassaflow/plugin-sdk';
import { callTwilio, HOST } from './client.ts';
import { twilioSms } from './send-sms.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

/** Test credentials may send to magic numbers and read nothing: this is Twilio's answer when they try. */
const TEST_CREDENTIALS = '20008';

export default definePlugin({
  id: 'twilio',
  title: 'Twilio',
  about: { en: 'Text messages to phones.', nl: 'Sms-berichten.', da: 'Sms-beskeder.', nb: 'SMS-meldinger.' },
  version: '0.1.0',
  api: 1,
  hosts: [HOST],
  connection: {
    settings,
    async check(context) {
      const account = await callTwilio(context, 'read', async (twilio) =>
        ok(await twilio.api.v2010.accounts(context.settings.accountSid).fetch()),
      );
      if (account.kind === 'ok') {
        const { friendlyName, sid, type } = account.value;
        // A trial account reaches verified numbers only and costs nothing: what a test connection is for.
        return { ok: true, account: `${friendlyName} (${sid})`, mode: type === 'Trial' ? 'test' : 'live' };
      }
      if (account.kind === 'failed' && account.code === TEST_CREDENTIALS)
        return { ok: true, account: context.settings.accountSid, mode: 'test' };
      return {
        ok: false,
        message: account.message,
        ...(account.kind === 'failed' && account.field !== undefined ? { field: account.field } : {}),
      };
    },
  },
  webhook,
  actions: [twilioSms],
});
