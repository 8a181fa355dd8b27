import { ok } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../../kernel/ids.ts';
import { parseMoney } from '../../../kernel/money.ts';
import { stillWaiting } from '../../../plugin-host/action-call.ts';
import type { BuiltInAction } from '../../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../../built-in-action.ts';
import type { Charges } from './charges.service.ts';

const input = {
  type: 'object',
  properties: {
    invoice: { type: 'string', title: 'Invoice', maxLength: 40 },
    amount: { type: 'object', format: 'money', title: 'Amount', description: 'Default: all that is open on the invoice' },
    method: { type: 'string', title: 'Method', enum: ['saved'], default: 'saved' },
    mandate: { type: 'string', title: 'Mandate', description: "Default: the customer's newest that can be charged", maxLength: 40 },
    dueOn: { type: 'string', title: 'Due on', description: 'When a direct debit is to be taken: 2026-11-30', maxLength: 10 },
  },
  required: ['invoice'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['completed', 'failed', 'action-required'] },
    payment: { type: 'string' },
    reason: { type: 'string', description: 'Why it failed; empty when it did not' },
    decline: { type: 'string', enum: ['', 'transient', 'soft', 'customer-action', 'hard'], description: 'What kind of no it was' },
    retryAt: { type: 'string', description: 'When to charge again, by the schedule of the method; empty where that is of no use' },
    link: { type: 'string', description: 'Where the customer can approve, when the bank asks for that' },
  },
  required: ['status', 'payment', 'reason', 'decline', 'retryAt', 'link'],
  additionalProperties: false,
} as const;

/** Events after which a charge may stand otherwise. */
const LAST_WORDS = [
  'payment.completed',
  'payment.amount-mismatch',
  'payment.failed',
  'payment.cancelled',
  'payment.expired',
  'payment.authorization-expired',
  'payment.charged-back',
  'payment.refunded',
  'payment.reversed',
] as const;

/**
 * The action `payment.charge`. It finishes with the last word of bank or scheme, days later for a direct debit: until then it answers
 * that it waits, the run sleeps on disk, and the next attempt has the same key and finds the same payment. The payment's own events wake
 * it, so the pauses in between are for what nobody tells.
 */
export function chargeAction(charges: Charges): BuiltInAction {
  return builtInAction(
    {
      name: 'payment.charge',
      title: 'Charge a saved card or mandate',
      about:
        'Takes what is open on an invoice from the customer without their being there. Finishes when it is known what became of it, for a direct debit after days.',
      input,
      output,
      effect: 'keyed',
      keyTtlMs: REMEMBERED_MS,
      movesMoney: true,
      causes: ['payment.completed', 'payment.failed', 'invoice.paid'],
      guards: { charge: { invoice: '/invoice', method: '/mandate' }, money: { amount: '/amount' } },
      timeoutMs: 30_000,
      sample: { status: 'completed', payment: 'pay_01jd3k4m5n6p7q8r9s0t1v2w3x', reason: '', decline: '', retryAt: '', link: '' },
    },
    {
      run: async ({ tenantId, runId, idempotencyKey: requestKey }, { invoice, amount, mandate, dueOn }) => {
        const view = await charges.charge(tenantId, {
          invoices: [{ id: uuidOf('inv', invoice) }],
          metadata: {},
          requestKey,
          actor: `run/${idOf('run', runId)}`,
          ...(amount && { amount: parseMoney(amount) }),
          ...(mandate !== undefined && { mandateId: uuidOf('man', mandate) }),
          ...(dueOn !== undefined && { dueOn }),
        });
        const { status, payment, link, decline } = view;
        if (status === 'pending')
          return stillWaiting('Bank or scheme has not said its last word', charges.askAgainMs(view), {
            events: LAST_WORDS,
            path: 'payment.id',
            value: payment.id,
          });
        const { id, reason } = payment;
        return ok({ status, payment: id, reason, decline: decline?.class ?? '', retryAt: decline?.retryAt ?? '', link }, id);
      },
    },
  );
}
