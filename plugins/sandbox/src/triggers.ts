import { ok, trigger } from '@kassaflow/plugin-sdk';
import { read } from './client.ts';
import type { Settings } from './settings.ts';
import { readEvent } from './webhook.ts';

interface Messages {
  readonly data: readonly { readonly id: string; readonly to: string; readonly text: string; readonly created_at: string }[];
  readonly more: boolean;
}

/** The cursor of an account without messages: everything from its first one on is new. */
const FROM_THE_FIRST = 'first';

export const messageSent = trigger<Settings>()({
  name: 'sandbox.message-sent',
  title: 'A text message was sent',
  about: 'Each message that arrives in the outbox of the sandbox, in order.',
  everyMs: 5_000,
  input: { type: 'object', properties: { to: { type: 'string', format: 'phone', title: 'Only to this number', 'x-personal': 'phone' } } },
  output: {
    type: 'object',
    required: ['id', 'to', 'text', 'sentAt'],
    properties: {
      id: { type: 'string' },
      to: { type: 'string', 'x-personal': 'phone' },
      text: { type: 'string' },
      sentAt: { type: 'string', format: 'date-time' },
    },
  },
  sample: {
    id: 'sbm_0f8fad5b-d9cb-469f-a165-70867728950e',
    to: '+31612345678',
    text: 'Thank you for your payment.',
    sentAt: '2026-11-21T10:00:00.000Z',
  },
}).does({
  async poll(context, { input, cursor }) {
    if (cursor === undefined) {
      const last = await read<Messages>(context, '/v1/messages?last=true');
      return last.kind === 'ok' ? ok({ items: [], cursor: last.value.data[0]?.id ?? FROM_THE_FIRST }) : last;
    }
    const from = cursor === FROM_THE_FIRST ? '' : `?after=${encodeURIComponent(cursor)}`;
    const page = await read<Messages>(context, `/v1/messages${from}`);
    if (page.kind !== 'ok') return page;
    const { data, more } = page.value;
    const items = data
      .filter(({ to }) => input.to === undefined || to === input.to)
      .map(({ id, to, text, created_at: sentAt }) => ({ id, data: { id, to, text, sentAt } }));
    return ok({ items, cursor: data.at(-1)?.id ?? cursor, more });
  },
});

export const paymentChanged = trigger<Settings>()({
  name: 'sandbox.payment-changed',
  title: 'The sandbox tells of a payment',
  about: 'Each webhook of the sandbox, as it was sent: also those of payments that Kassaflow did not make.',
  input: { type: 'object', properties: {} },
  output: {
    type: 'object',
    required: ['type', 'payment', 'reference'],
    properties: { type: { type: 'string' }, payment: { type: 'string' }, reference: { type: 'string' } },
  },
  sample: { type: 'payment.paid', payment: 'sbp_7c9e6679-7425-40de-944b-e07fc1f90ae7', reference: 'pay_01jd3k4m5n6p7q8r9s0t1v2w3z' },
}).does({
  read(_context, { delivery }) {
    const event = readEvent(delivery);
    if (!event || event.type.startsWith('mandate.')) return [];
    return [{ id: event.id, data: { type: event.type, payment: event.subject, reference: event.reference } }];
  },
});
