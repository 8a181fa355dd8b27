import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startTwilioServer, type TwilioServer } from '../../../test/providers/twilio-server.ts';
import plugin from '../src/plugin.ts';
import { twilioSms } from '../src/send-sms.ts';
import type { Settings } from '../src/settings.ts';

const INPUT = { to: '+31612345678', text: 'Thanks! We received €\u00A012,50.' };

let twilio: TwilioServer;
beforeEach(async () => {
  twilio = await startTwilioServer();
});
afterEach(() => twilio.close());

function context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
  return pluginContext({
    server: twilio.url,
    settings: { accountSid: twilio.accountSid, authToken: twilio.authToken, from: 'Kassaflow' },
    ...more,
  });
}

describe('sending', () => {
  test('one message leaves, in characters that cost one part', async () => {
    const sent = await twilioSms.run(context(), INPUT);
    expect(sent).toMatchObject({ kind: 'ok', value: { status: 'queued', parts: 1 } });
    expect(twilio.messages).toEqual([
      expect.objectContaining({ to: '+31612345678', from: 'Kassaflow', body: 'Thanks! We received € 12,50.' }),
    ]);
  });

  test('a messaging service sends in place of a number', async () => {
    const from = 'MG00000000000000000000000000000001';
    await twilioSms.run(context({ settings: { accountSid: twilio.accountSid, authToken: twilio.authToken, from } }), INPUT);
    expect(twilio.messages[0]).toMatchObject({ from: null, messaging_service_sid: from });
  });

  test('a text of many parts is sent, and noted without its words', async () => {
    const given = context();
    expect(await twilioSms.run(given, { ...INPUT, text: 'a'.repeat(500) })).toMatchObject({ kind: 'ok', value: { parts: 4 } });
    expect(given.logged.join()).toContain('"parts":4');
    expect(given.logged.join()).not.toContain('aaa');
  });

  test('E14: a text that grows beyond 1600 characters is refused before it is sent', async () => {
    expect(await twilioSms.run(context(), { ...INPUT, text: '…'.repeat(600) })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'text',
    });
    expect(twilio.log.all()).toHaveLength(0);
  });
});

describe('Twilio’s refusals', () => {
  test.each([
    ['+15005550001', { kind: 'failed', reason: 'input', field: 'to', code: '21211' }],
    ['+15005550003', { kind: 'failed', reason: 'permanent', code: '21408' }],
    ['+15005550004', { kind: 'declined', code: 'opted-out' }],
    ['+15005550009', { kind: 'declined', code: 'not-a-mobile-number' }],
  ])('%s', async (to, outcome) => {
    const given = await twilioSms.run(context(), { ...INPUT, to });
    expect(given).toMatchObject(outcome);
    expect(JSON.stringify(given)).not.toContain(to.slice(1));
  });

  test('429 slows the connection down', async () => {
    twilio.faults.add({ match: 'POST', action: '429' });
    expect(await twilioSms.run(context(), INPUT)).toMatchObject({ kind: 'failed', reason: 'rate-limited' });
    expect(twilio.messages).toHaveLength(0);
  });

  test('a wrong token is a matter of the connection', async () => {
    const settings = { accountSid: twilio.accountSid, authToken: 'f'.repeat(32), from: 'Kassaflow' };
    const outcome = await twilioSms.run(context({ settings }), INPUT);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'authToken' });
    expect(JSON.stringify(outcome)).not.toContain('ffff');
  });
});

describe('when the answer gets lost', () => {
  test.each(['reset-after', '500-after'] as const)('after %s the message is found, and not sent twice', async (action) => {
    twilio.faults.add({ match: 'POST', action });
    expect((await twilioSms.run(context(), INPUT)).kind).toBe('unknown');
    expect(await twilioSms.lookup!(context(), INPUT)).toMatchObject({ kind: 'ok', value: { id: twilio.messages[0]!.sid } });
    expect(twilio.messages).toHaveLength(1);
  });

  test('a trial account knows the message again, behind the sentence that it puts before it', async () => {
    const trial = await startTwilioServer({ accountType: 'Trial' });
    trial.faults.add({ match: 'POST', action: 'reset-after' });
    const given = context({ server: trial.url });
    expect((await twilioSms.run(given, INPUT)).kind).toBe('unknown');
    expect(await twilioSms.lookup!(given, INPUT)).toMatchObject({ kind: 'ok', value: { id: trial.messages[0]!.sid } });
    expect(await plugin.connection.check(given)).toMatchObject({ ok: true, mode: 'test' });
    await trial.close();
  });

  test('a message that never left is proved absent', async () => {
    twilio.faults.add({ match: 'POST', action: 'drop' });
    expect((await twilioSms.run(context(), INPUT)).kind).toBe('unknown');
    await twilioSms.run(context(), { ...INPUT, text: 'Another text' });
    expect(await twilioSms.lookup!(context(), INPUT)).toEqual({ kind: 'ok', value: undefined, reference: '' });
  });

  test('an equal message of the day before yesterday is another one', async () => {
    await twilioSms.run(context(), INPUT);
    const later = context({ now: () => new Date(Date.now() + 2 * 86_400_000) });
    expect(await twilioSms.lookup!(later, INPUT)).toMatchObject({ kind: 'ok', value: undefined });
  });

  test('a look-up that breaks proves nothing', async () => {
    twilio.faults.add({ match: 'GET', action: '500-before' });
    expect(await twilioSms.lookup!(context(), INPUT)).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('a time-out is unknown', async () => {
    twilio.faults.add({ match: 'POST', action: 'delay', delayMs: 5_000 });
    expect((await twilioSms.run(context({ signal: AbortSignal.timeout(100) }), INPUT)).kind).toBe('unknown');
  });

  test('a refused connection surely did nothing', async () => {
    const gone = await startTwilioServer();
    await gone.close();
    expect(await twilioSms.run(context({ server: gone.url }), INPUT)).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });
});

test('checking a connection names the account, or the field that is wrong', async () => {
  expect(await plugin.connection.check(context())).toEqual({ ok: true, account: `Local shop (${twilio.accountSid})`, mode: 'live' });
  const wrong = context({ settings: { accountSid: twilio.accountSid, authToken: 'f'.repeat(32), from: 'Kassaflow' } });
  expect(await plugin.connection.check(wrong)).toMatchObject({ ok: false, field: 'authToken' });
});
