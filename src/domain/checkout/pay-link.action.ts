import { ok } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../built-in-action.ts';
import type { PayLinks } from './pay-links.service.ts';

const input = {
  type: 'object',
  properties: {
    invoice: { type: 'string', title: 'Invoice', maxLength: 40 },
    days: { type: 'integer', title: 'Days', description: 'For how long it can be paid', minimum: 1, maximum: 90, default: 45 },
  },
  required: ['invoice'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: { link: { type: 'string' }, checkout: { type: 'string' } },
  required: ['link', 'checkout'],
  additionalProperties: false,
} as const;

/** The action `payment.link`: a page on which what is open on an invoice can be paid in any way that is offered. */
export function payLinkAction(links: PayLinks): BuiltInAction {
  return builtInAction(
    {
      name: 'payment.link',
      title: 'Make a page to pay an invoice',
      about: 'Makes a page of ours on which the customer can pay what is open now, and gives its address to be sent.',
      input,
      output,
      effect: 'keyed',
      keyTtlMs: REMEMBERED_MS,
      timeoutMs: 10_000,
      sample: { link: 'https://pay.example.com/pay/8fK2', checkout: 'chk_01jd3k4m5n6p7q8r9s0t1v2w3x' },
    },
    {
      run: async ({ tenantId, runId, idempotencyKey }, { invoice, days = 45 }) => {
        const wish = { invoiceId: uuidOf('inv', invoice), days, requestKey: idempotencyKey, actor: `run/${idOf('run', runId)}` };
        const made = await links.make(tenantId, wish);
        return ok({ ...made }, made.checkout);
      },
    },
  );
}
