import { action, emailSend, ok, smsSend } from '@kassaflow/plugin-sdk';
import { write } from './client.ts';
import type { Settings } from './settings.ts';

const KEY_TTL_MS = 30 * 86_400_000;

export const sandboxSms = action<Settings>()({
  ...smsSend,
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

export const sandboxEmail = action<Settings>()({
  ...emailSend,
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
