import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { pluginContext, type PluginContext } from '../../../test/providers/plugin-context.ts';
import type { Settings } from '../src/settings.ts';
import { webhook } from '../src/webhook.ts';

const TOKEN = '12345678901234567890123456789012';
const SID = 'SM00000000000000000000000000000001';
const URL_CALLED = 'https://kassaflow.example/webhooks/twilio/status?run=42';
const FORM = {
  AccountSid: 'AC00000000000000000000000000000001',
  ApiVersion: '2010-04-01',
  ErrorCode: '30003',
  From: 'Kassaflow',
  MessageSid: SID,
  MessageStatus: 'undelivered',
  SmsSid: SID,
  SmsStatus: 'undelivered',
  To: '+31612345678',
};
const SIGNATURE = '+JbP7D+x+Ya8Y7UX+qcdrEnSw/Y=';
const JSON_URL = 'https://kassaflow.example/json?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';
const JSON_SIGNATURE = 'ZxDcL5+DWITFlhiJ4jYxNWJoG+E=';

function context(authToken = TOKEN, secondaryAuthToken?: string): PluginContext<Settings> {
  const settings = {
    accountSid: FORM.AccountSid,
    authToken,
    from: 'Kassaflow',
    ...(secondaryAuthToken === undefined ? {} : { secondaryAuthToken }),
  };
  return pluginContext({ settings });
}

function delivery(signature: string | readonly string[] | undefined, body: string = encode(FORM), url = URL_CALLED): RawWebhook {
  return {
    method: 'POST',
    url,
    headers: signature === undefined ? {} : { 'x-twilio-signature': signature },
    body: Buffer.from(body),
    receivedAt: 0,
  };
}

function encode(form: Record<string, string> | [string, string][]): string {
  return new URLSearchParams(form).toString();
}

function signed(text: string): string {
  return createHmac('sha1', TOKEN).update(text).digest('base64');
}

describe('verifying a callback', () => {
  test('accepts the known vector, with and without the port', async () => {
    const eventId = `${SID}:undelivered`;
    expect(await webhook.verify(context(), delivery(SIGNATURE))).toEqual({ ok: true, eventId });
    expect(await webhook.verify(context(), delivery(SIGNATURE, encode(FORM), URL_CALLED.replace('.example/', '.example:443/')))).toEqual({
      ok: true,
      eventId,
    });
  });

  test('accepts the known vector of a JSON body, and not one space more', async () => {
    expect(await webhook.verify(context(), delivery(JSON_SIGNATURE, '{"a":1}', JSON_URL))).toMatchObject({ ok: true });
    expect(await webhook.verify(context(), delivery(JSON_SIGNATURE, '{"a":1} ', JSON_URL))).toMatchObject({
      ok: false,
      reason: 'signature-mismatch',
    });
  });

  test.each<[row: string, what: string, given: RawWebhook, reason: string]>([
    ['B01', 'no signature', delivery(undefined), 'signature-missing'],
    ['B02', 'an empty signature', delivery(''), 'signature-format'],
    ['B02', 'the header sent twice', delivery([SIGNATURE, SIGNATURE]), 'signature-format'],
    ['B02', 'a signature that is no base64 of 20 bytes', delivery('abc'), 'signature-format'],
    ['B03', 'another status', delivery(SIGNATURE, encode({ ...FORM, MessageStatus: 'delivered' })), 'signature-mismatch'],
    [
      'B10',
      'the address of another connection',
      delivery(SIGNATURE, encode(FORM), 'https://kassaflow.example/webhooks/twilio/other?run=42'),
      'signature-mismatch',
    ],
    ['B48', 'a parameter more', delivery(SIGNATURE, `${encode(FORM)}&Extra=1`), 'signature-mismatch'],
    ['B48', 'a parameter twice', delivery(SIGNATURE, `${encode(FORM)}&To=%2B31600000000`), 'signature-mismatch'],
  ])('%s: %s is refused', async (_row, _what, given, reason) => {
    expect(await webhook.verify(context(), given)).toMatchObject({ ok: false, reason });
  });

  test('B47: a signature over http tells what to set', async () => {
    const url = 'http://kassaflow.example/webhooks/twilio/status';
    const given = delivery(signed(`${url}To+31612345678`), encode({ To: '+31612345678' }), url.replace('http:', 'https:'));
    expect(await webhook.verify(context(), given)).toEqual({
      ok: false,
      reason: 'signature-mismatch',
      hint: `Twilio called ${url}; give it the https address.`,
    });
  });

  test('B48: the order of parameters does not matter', async () => {
    expect(await webhook.verify(context(), delivery(SIGNATURE, encode(Object.entries(FORM).reverse())))).toMatchObject({ ok: true });
  });

  test('B08: the secondary token counts while the tokens are rotated', async () => {
    expect(await webhook.verify(context('f'.repeat(32), TOKEN), delivery(SIGNATURE))).toMatchObject({ ok: true });
    expect(await webhook.verify(context('f'.repeat(32)), delivery(SIGNATURE))).toMatchObject({ ok: false, reason: 'signature-mismatch' });
  });
});

test('B49: a callback is translated to the message and Twilio’s own word, in whatever order it comes', () => {
  expect(webhook.translate(context(), delivery(SIGNATURE))).toEqual([{ kind: 'message', type: 'undelivered', providerId: SID }]);
  expect(webhook.translate(context(), delivery(SIGNATURE, 'a=1'))).toEqual([]);
});
