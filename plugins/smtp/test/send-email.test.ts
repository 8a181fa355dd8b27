import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleParser } from 'mailparser';
import { startMailServer, type MailServer } from '../../../test/providers/mail-server.ts';
import { pluginContext, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { closeMailers } from '../src/client.ts';
import plugin from '../src/plugin.ts';
import { smtpEmail } from '../src/send-email.ts';
import type { Settings } from '../src/settings.ts';

const INPUT = { to: 'zoe@example.nl', subject: 'Your receipt', text: 'We received € 12.50.\n.\nThank you.' };

let server: MailServer;
beforeEach(async () => {
  server = await startMailServer();
});
afterEach(async () => {
  closeMailers();
  await server.close();
});

function context(more: Partial<Settings> = {}, attempt = 1): PluginContext<Settings> {
  return pluginContext({
    attempt,
    settings: { host: '127.0.0.1', port: server.port, security: 'none', from: 'pay@shop.example', fromName: 'The shop', ...more },
  });
}

describe('sending', () => {
  test('one mail arrives, as text and as HTML', async () => {
    const sent = await smtpEmail.run(context(), { ...INPUT, html: '<p>We received <b>€ 12.50</b>.</p>' });
    expect(sent).toMatchObject({ kind: 'ok', value: { accepted: true } });
    expect(server.mails).toHaveLength(1);
    const mail = await simpleParser(server.mails[0]!.message);
    expect(server.mails[0]).toMatchObject({ from: 'pay@shop.example', to: ['zoe@example.nl'] });
    expect(mail.subject).toBe('Your receipt');
    expect(mail.text?.trimEnd()).toBe(INPUT.text);
    expect(mail.html).toContain('<b>€ 12.50</b>');
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
  });

  test('every attempt of a step has the same Message-ID, and another step another', async () => {
    const first = await smtpEmail.run(context(), INPUT);
    const again = await smtpEmail.run(context({}, 2), INPUT);
    const other = await smtpEmail.run({ ...context(), idempotencyKey: 'run-2:step-1' }, INPUT);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect((await simpleParser(server.mails[1]!.message)).messageId).toBe(first.kind === 'ok' ? first.reference : '');
  });

  test('is signed with DKIM when a key is set', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await smtpEmail.run(context({ dkimDomain: 'shop.example', dkimSelector: 'kf', dkimPrivateKey: privateKey }), INPUT);
    expect(server.mails[0]!.message).toMatch(/DKIM-Signature: v=1; a=rsa-sha256;[\s\S]*d=shop\.example;[\s\S]*s=kf;/);
  });
});

describe('what is refused before anything is sent', () => {
  test.each([
    ['E11', 'a subject with a line break', { subject: 'Hi\r\nBcc: evil@example.com' }, 'subject'],
    ['E12', 'two recipients', { to: 'a@b.nl, c@d.nl' }, 'to'],
    ['E12', 'a quoted recipient', { to: '"x@evil" @b.nl' }, 'to'],
    ['E12', 'a domain without a dot', { to: 'a@b' }, 'to'],
    [
      'E12',
      'an address of 255 characters',
      { to: `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.example.nl` },
      'to',
    ],
    ['E12', 'a second recipient behind a line break', { to: 'a@b.nl\r\nRCPT TO:<evil@x.nl>' }, 'to'],
    ['E12', 'a name before the address', { to: 'Zoë <zoe@example.nl>' }, 'to'],
    ['E12', 'a dot at the end of the local part', { to: 'zoe.@example.nl' }, 'to'],
  ])('%s: %s', async (_row, _what, input, field) => {
    expect(await smtpEmail.run(context(), { ...INPUT, ...input })).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(server.mails).toHaveLength(0);
  });
});

describe('the server’s answers', () => {
  test.each([
    ['recipient', 450, { kind: 'failed', reason: 'temporary', code: '450' }],
    ['recipient', 550, { kind: 'declined', code: 'undeliverable' }],
    ['data', 451, { kind: 'failed', reason: 'temporary', code: '451' }],
    ['data', 421, { kind: 'failed', reason: 'temporary', code: '421' }],
    ['data', 554, { kind: 'failed', reason: 'permanent', code: '554' }],
  ] as const)('at %s: %i', async (at, answer, outcome) => {
    server.faults.push({ at, answer });
    expect(await smtpEmail.run(context(), INPUT)).toMatchObject(outcome);
    expect(server.mails).toHaveLength(0);
  });

  test('451 and then 250 is one delivered mail', async () => {
    server.faults.push({ at: 'data', answer: 451 });
    await smtpEmail.run(context(), INPUT);
    expect(await smtpEmail.run(context({}, 2), INPUT)).toMatchObject({ kind: 'ok' });
    expect(server.mails).toHaveLength(1);
  });

  test.each(['cut', 'cut-after-taking'] as const)('a connection %s after the mail was sent is unknown', async (answer) => {
    server.faults.push({ at: 'data', answer });
    expect((await smtpEmail.run(context(), INPUT)).kind).toBe('unknown');
    expect(server.mails).toHaveLength(answer === 'cut' ? 0 : 1);
  });

  test('a server that nobody runs surely took nothing', async () => {
    const gone = await startMailServer();
    await gone.close();
    expect(await smtpEmail.run(context({ port: gone.port }), INPUT)).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('encryption that is asked for and not offered is a matter of the connection', async () => {
    expect(await smtpEmail.run(context({ security: 'starttls' }), INPUT)).toMatchObject({
      kind: 'failed',
      reason: 'auth',
      field: 'security',
    });
    expect(server.mails).toHaveLength(0);
  });

  test('a certificate that nobody trusts is refused', async () => {
    const encrypted = await startMailServer({ encryption: true });
    expect(await smtpEmail.run(context({ port: encrypted.port, security: 'starttls' }), INPUT)).toMatchObject({
      kind: 'failed',
      reason: 'auth',
      field: 'host',
    });
    expect(encrypted.mails).toHaveLength(0);
    closeMailers();
    await encrypted.close();
  });
});

describe('a login', () => {
  test.each([
    ['right', { kind: 'ok' }],
    ['wrong-password', { kind: 'failed', reason: 'auth', field: 'password' }],
  ])('with the %s', async (password, outcome) => {
    const locked = await startMailServer({ login: { username: 'shop', password: 'right' } });
    const given = context({ port: locked.port, username: 'shop', password });
    const sent = await smtpEmail.run(given, INPUT);
    expect(sent).toMatchObject(outcome);
    expect(JSON.stringify([sent, given.logged])).not.toContain('wrong-password');
    closeMailers();
    await locked.close();
  });
});

test('checking a connection logs in and sends nothing', async () => {
  expect(await plugin.connection.check(context())).toEqual({ ok: true, account: 'pay@shop.example at 127.0.0.1', mode: 'test' });
  expect(await plugin.connection.check(context({ from: 'a@b, c@d' }))).toMatchObject({ ok: false, field: 'from' });
  expect(server.mails).toHaveLength(0);
});
