import { declined, ok, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import type { RefundSubject } from '../../events/catalogue/subjects.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { parseMoney } from '../../kernel/money.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../built-in-action.ts';
import type { Refunds } from './refunds.service.ts';

const input = {
  type: 'object',
  properties: {
    payment: { type: 'string', title: 'Payment', maxLength: 40 },
    amount: { type: 'object', format: 'money', title: 'Amount', description: 'Default: all that is left of the payment' },
    reason: { type: 'string', title: 'Reason', maxLength: 500 },
    refund: { type: 'string', title: 'Refund', description: 'A refund that awaited approval, to be sent now', maxLength: 40 },
  },
  required: ['payment'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    status: { type: 'string', enum: ['requested', 'pending', 'completed', 'failed', 'cancelled'] },
    amount: { type: 'object', format: 'money' },
  },
  required: ['id', 'status', 'amount'],
  additionalProperties: false,
} as const;

const sample = { id: 'ref_01jd3k4m5n6p7q8r9s0t1v2w3x', amount: { amount: '12.50', currency: 'EUR' } } as const;
const SHARED = { output, effect: 'keyed', keyTtlMs: REMEMBERED_MS } as const;

/** The actions `payment.refund` and `refund.cancel`. The key of the first is the refund's, so no attempt makes a second one. */
export function refundActions(refunds: Refunds): readonly BuiltInAction[] {
  return [
    builtInAction(
      {
        ...SHARED,
        name: 'payment.refund',
        title: 'Refund a payment',
        about:
          'Sends money of a payment back, all of it or a part. Finishes when the provider has accepted it; refund.completed says that it is done.',
        input,
        movesMoney: true,
        causes: ['payment.refunded', 'refund.completed', 'refund.failed'],
        guards: { money: { amount: '/amount' } },
        timeoutMs: 30_000,
        sample: { ...sample, status: 'pending' },
      },
      {
        run: async ({ tenantId, runId, idempotencyKey: requestKey }, { payment, amount, reason = '', refund }) => {
          const actor = `run/${idOf('run', runId)}`;
          if (refund !== undefined) return outcomeOf(await refunds.send(tenantId, uuidOf('ref', refund), actor));
          const wish = { paymentId: uuidOf('pay', payment), reason, credits: 0, awaitApproval: false, requestKey, actor };
          return outcomeOf(await refunds.request(tenantId, { ...wish, ...(amount && { amount: parseMoney(amount) }) }));
        },
      },
    ),
    builtInAction(
      {
        ...SHARED,
        name: 'refund.cancel',
        title: 'Call a refund off',
        about: 'Ends a refund that waits for approval, or for the card at a terminal. Declined when it does not wait any more.',
        input: {
          type: 'object',
          properties: {
            refund: { type: 'string', title: 'Refund', maxLength: 40 },
            reason: { type: 'string', title: 'Reason', maxLength: 500 },
          },
          required: ['refund'],
          additionalProperties: false,
        },
        causes: ['refund.cancelled'],
        sample: { ...sample, status: 'cancelled' },
      },
      {
        run: async ({ tenantId, runId }, { refund, reason = '' }) => {
          const { id, status, amount } = await refunds.cancel(tenantId, uuidOf('ref', refund), {
            actor: `run/${idOf('run', runId)}`,
            reason,
          });
          return ok({ id, status, amount }, id);
        },
      },
    ),
  ];
}

function outcomeOf({ id, status, amount, waitsFor }: RefundSubject): Outcome<Pick<RefundSubject, 'id' | 'status' | 'amount'>> {
  switch (status) {
    case 'failed':
      return declined('refund.failed', 'The provider did not accept the refund');
    case 'cancelled':
      return declined('refund.cancelled', 'The refund was called off');
    case 'requested':
      if (waitsFor === 'terminal') return declined('refund.tap-required', 'The refund has to be made at the terminal, with the card');
      return unknown('The provider has not answered yet');
    case 'pending':
    case 'completed':
      return ok({ id, status, amount }, id);
  }
}
