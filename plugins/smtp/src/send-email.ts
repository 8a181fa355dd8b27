import { createHash } from 'node:crypto';
import { action, declined, emailSend, failed, ok, type Outcome } from '@kassaflow/plugin-sdk';
import { isOneAddress } from './address.ts';
import { mailerFor } from './client.ts';
import { outcomeOf } from './outcomes.ts';
import type { Settings } from './settings.ts';

export const smtpEmail = action<Settings>()({
  ...emailSend,
  effect: 'once',
  sample: { id: '<0f8fad5bd9cb469fa1657086@kassaflow.example>', accepted: true },
}).does({
  async run({ settings, idempotencyKey }, { to, subject, text, html }): Promise<Outcome<{ id: string; accepted: boolean }>> {
    if (!isOneAddress(to)) return failed('input', 'This is not one e-mail address.', { field: 'to' });
    if (/[\r\n]/.test(subject)) return failed('input', 'A subject is one line.', { field: 'subject' });
    const messageId = messageIdOf(idempotencyKey, settings.from);
    try {
      const mailer = await mailerFor(settings);
      // The envelope is given, so that no header can name another recipient. `raw` is never used: it goes out unread.
      const sent = await mailer.sendMail({
        envelope: { from: settings.from, to: [to] },
        from: { name: settings.fromName ?? '', address: settings.from },
        to: { name: '', address: to },
        subject,
        text,
        ...(html === undefined ? {} : { html }),
        messageId,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
      // The library resolves as long as one recipient was taken, and there is only one.
      return sent.accepted.length === 0
        ? declined('undeliverable', 'The recipient’s address was refused.')
        : ok({ id: messageId, accepted: true }, messageId);
    } catch (error) {
      return outcomeOf(error);
    }
  },
});

/** The same for every attempt of a step: receivers show a mail that comes twice under one id only once. */
function messageIdOf(idempotencyKey: string, from: string): string {
  const hash = createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
  return `<${hash}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}
