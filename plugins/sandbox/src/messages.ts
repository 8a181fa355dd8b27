import { action, ok } from '@kassaflow/plugin-sdk';
import { write } from './client.ts';
import type { Settings } from './settings.ts';

const KEY_TTL_MS = 30 * 86_400_000;

/** The same shape as every other plugin's `sms.send`, so that a flow runs on either. */
export const smsSend = action<Settings>()({
  name: 'sms.send',
  title: { en: 'Send an SMS', nl: 'Stuur een sms', da: 'Send en sms', nb: 'Send en SMS' },
  about: 'Sends one text message to one phone number.',
  input: {
    type: 'object',
    required: ['to', 'text'],
    properties: {
      to: { type: 'string', format: 'phone', title: 'To', 'x-personal': 'phone' },
      text: { type: 'string', minLength: 1, maxLength: 1600, title: 'Text', 'x-multiline': true },
    },
  },
  output: {
    type: 'object',
    required: ['id', 'status', 'parts'],
    properties: { id: { type: 'string' }, status: { type: 'string' }, parts: { type: 'integer', minimum: 1 } },
  },
  effect: 'keyed',
  keyTtlMs: KEY_TTL_MS,
  sample: { id: 'sbm_0f8fad5b-d9cb-469f-a165-70867728950e', status: 'sent', parts: 1 },
}).does({
  async run(context, { to, text }) {
    const sent = await write<{ readonly id: string; readonly status: string; readonly parts: number }>(context, '/v1/messages', {
      to,
      text,
    });
    return sent.kind === 'ok' ? ok(sent.value, sent.value.id) : sent;
  },
});

/** The same shape as every other plugin's `email.send`. */
export const emailSend = action<Settings>()({
  name: 'email.send',
  title: { en: 'Send an e-mail', nl: 'Stuur een e-mail', da: 'Send en e-mail', nb: 'Send en e-post' },
  about: 'Sends one e-mail to one address.',
  input: {
    type: 'object',
    required: ['to', 'subject', 'text'],
    properties: {
      to: { type: 'string', format: 'email', maxLength: 254, title: 'To', 'x-personal': 'email' },
      subject: { type: 'string', minLength: 1, maxLength: 250, title: 'Subject' },
      text: { type: 'string', minLength: 1, maxLength: 100_000, title: 'Text', 'x-multiline': true },
      html: {
        type: 'string',
        maxLength: 200_000,
        title: 'HTML',
        description: 'Shown instead of the text where the reader can.',
        'x-multiline': true,
        'x-advanced': true,
      },
    },
  },
  output: { type: 'object', required: ['id', 'accepted'], properties: { id: { type: 'string' }, accepted: { type: 'boolean' } } },
  effect: 'keyed',
  keyTtlMs: KEY_TTL_MS,
  sample: { id: 'sbe_7c9e6679-7425-40de-944b-e07fc1f90ae7', accepted: true },
}).does({
  async run(context, { to, subject, text, html }) {
    const sent = await write<{ readonly id: string; readonly accepted: boolean }>(context, '/v1/mails', {
      to,
      subject,
      text,
      ...(html === undefined ? {} : { html }),
    });
    return sent.kind === 'ok' ? ok(sent.value, sent.value.id) : sent;
  },
});
