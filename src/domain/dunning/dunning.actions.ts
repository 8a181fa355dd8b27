import { declined, ok } from '@kassaflow/plugin-sdk';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { toWire } from '../../kernel/money.ts';
import { builtInAction } from '../built-in-action.ts';
import type { DunningAdvice } from './dunning-advice.service.ts';

/** The actions of flows that collect: `dunning.moment` and `dunning.notice`. They only read. */
export function dunningActions(advice: DunningAdvice): readonly BuiltInAction[] {
  return [momentAction(advice), noticeAction(advice)];
}

function momentAction(advice: DunningAdvice): BuiltInAction {
  return builtInAction(
    {
      name: 'dunning.moment',
      title: 'When a message may go out',
      about: 'The next moment outside the quiet hours of the dunning policy. Texts do not go out on Saturdays and Sundays.',
      input: {
        type: 'object',
        properties: {
          channel: { type: 'string', title: 'Channel', enum: ['sms', 'email'] },
          inDays: { type: 'integer', title: 'In days', description: 'Counted from now', minimum: 0, maximum: 365 },
        },
        required: ['channel'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { at: { type: 'string', description: 'To be waited for' } },
        required: ['at'],
        additionalProperties: false,
      },
      effect: 'read',
      timeoutMs: 10_000,
      sample: { at: '2026-11-20T09:00:00.000Z' },
    },
    { run: async ({ tenantId }, { channel, inDays = 0 }) => ok({ at: (await advice.moment(tenantId, channel, inDays)).toISOString() }) },
  );
}

const money = {
  type: 'object',
  format: 'money',
} as const;

function noticeAction(advice: DunningAdvice): BuiltInAction {
  return builtInAction(
    {
      name: 'dunning.notice',
      title: 'Write a formal notice',
      about: 'The letter and the costs of collecting under Dutch law, for what is open on an invoice in euro. It is not sent.',
      input: {
        type: 'object',
        properties: {
          invoice: { type: 'string', title: 'Invoice', maxLength: 40 },
          debtor: { type: 'string', title: 'Debtor', enum: ['consumer', 'business'], default: 'consumer' },
          link: { type: 'string', title: 'Link', description: 'Where the customer can pay', maxLength: 2000 },
        },
        required: ['invoice'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { costs: money, total: money, subject: { type: 'string' }, text: { type: 'string' } },
        required: ['costs', 'total', 'subject', 'text'],
        additionalProperties: false,
      },
      effect: 'read',
      timeoutMs: 10_000,
      sample: {
        costs: { amount: '40.00', currency: 'EUR' },
        total: { amount: '100.50', currency: 'EUR' },
        subject: 'Laatste herinnering voor factuur 2026-000042',
        text: 'Geachte Anna de Vries, …',
      },
    },
    {
      run: async ({ tenantId }, { invoice, debtor = 'consumer', link = '' }) => {
        const notice = await advice.notice(tenantId, uuidOf('inv', invoice), debtor, link);
        if (!notice) return declined('not-euro', 'Costs of collecting are known for invoices in euro of which something is open.');
        const { costs, total, subject, text } = notice;
        return ok({ costs: toWire(costs), total: toWire(total), subject, text });
      },
    },
  );
}
