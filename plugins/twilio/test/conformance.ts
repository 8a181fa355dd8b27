/** Twilio for the conformance kit, with the wire-level server that the plugin's own tests use. */
import { createHmac, randomBytes } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { LocalProvider, Subject } from '@kassaflow/plugin-sdk/testing';
import { startTwilioServer, type TwilioServer } from '../../../test/providers/twilio-server.ts';
import { HOST } from '../src/client.ts';
import plugin from '../src/plugin.ts';

const CALLBACK = 'https://kassaflow.example/webhooks/twilio/con_1';
const SECRETS = ['12345678901234567890123456789012', 'abcdefghijabcdefghijabcdefghijab'] as const;

export const subject: Subject = {
  plugin,
  folder: path.join(path.dirname(fileURLToPath(import.meta.url)), '..'),
  start: async () => localProvider(await startTwilioServer({ accountType: 'Trial', authToken: SECRETS[0] })),
};

function localProvider(twilio: TwilioServer): LocalProvider {
  const settings = { accountSid: twilio.accountSid, authToken: twilio.authToken, from: 'Kassaflow' };
  return {
    origins: { [`https://${HOST}`]: twilio.url },
    settings,
    wrongKey: { settings: { ...settings, authToken: '00000000000000000000000000000000' }, field: 'authToken' },
    problem: (status) => ({ body: JSON.stringify({ status, code: status === 429 ? 20429 : 20500, message: 'A scripted fault' }) }),
    actions: {
      'sms.send': { input: { to: '+31612345678', text: 'Hello' }, effects: () => twilio.messages.length },
    },
    webhooks: {
      secrets: SECRETS,
      settings: ([authToken = 'of-nobody-of-nobody-of-nobody-00', secondaryAuthToken]) => ({
        ...settings,
        authToken,
        ...(secondaryAuthToken === undefined ? {} : { secondaryAuthToken }),
      }),
      sign: (body, { secrets: [secret = ''], at }) => signed(body, secret, at),
      header: 'x-twilio-signature',
      rotation: 'either',
      body: () => new URLSearchParams({ MessageSid: `SM${randomBytes(16).toString('hex')}`, MessageStatus: 'delivered' }).toString(),
      unknownBody: () => new URLSearchParams({ WeatherSid: 'WE1', WeatherStatus: 'rain' }).toString(),
      vectors: [
        {
          name: 'a callback that was written down',
          settings,
          delivery: {
            method: 'POST',
            url: VECTOR.url,
            headers: { 'x-twilio-signature': VECTOR.signature },
            body: VECTOR.body,
            receivedAt: 0,
          },
          right: true,
        },
      ],
    },
    close: () => twilio.close(),
  };
}

/** Computed apart from this file, and checked by Twilio's own library in `webhook.test.ts`. */
const VECTOR = {
  url: `${CALLBACK.replace('/con_1', '')}/status?run=42`,
  signature: '+JbP7D+x+Ya8Y7UX+qcdrEnSw/Y=',
  body: Buffer.from(
    new URLSearchParams({
      AccountSid: 'AC00000000000000000000000000000001',
      ApiVersion: '2010-04-01',
      ErrorCode: '30003',
      From: 'Kassaflow',
      MessageSid: 'SM00000000000000000000000000000001',
      MessageStatus: 'undelivered',
      SmsSid: 'SM00000000000000000000000000000001',
      SmsStatus: 'undelivered',
      To: '+31612345678',
    }).toString(),
  ),
};

/** HMAC-SHA1 over the address and every parameter, sorted by name. */
function signed(body: Uint8Array, secret: string, receivedAt: number): RawWebhook {
  const form = [...new URLSearchParams(Buffer.from(body).toString('utf8'))].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const text = CALLBACK + form.map(([name, value]) => name + value).join('');
  const signature = createHmac('sha1', secret).update(text).digest('base64');
  return { method: 'POST', url: CALLBACK, headers: { 'x-twilio-signature': signature }, body, receivedAt };
}
