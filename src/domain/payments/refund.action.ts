import { declined, failed, ok, unknown, type ActionSpec, type From, type Outcome } from '@kassaflow/plugin-sdk';
import type { RefundSubject } from '../../events/catalogue/subjects.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { parseMoney } from '../../kernel/money.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
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
  properties: { id: { type: 'string' }, status: { type: 'string', enum: ['requested', 'pending', 'completed', 'failed'] }, amount: { type: 'object', format: 'money' } },
  required: ['id', 'status', 'amount'],
  additionalProperties: false,
} as const;

/** Our own table remembers the key of a refund for as long as the payment exists. */
const FOREVER_MS = 10 * 365 * 86_400_000;

/** Checked in its own types; the registry holds specs of all shapes in the widest one. */
const SPEC = {
  name: 'payment.refund',
  title: 'Refund a payment',
  about: 'Sends money of a payment back, all of it or a part. Finishes when the provider has accepted it; refund.completed says that it is done.',
  input,
  output,
  effect: 'keyed',
  keyTtlMs: FOREVER_MS,
  movesMoney: true,
  timeoutMs: 30_000,
  sample: { id: 'ref_01jd3k4m5n6p7q8r9s0t1v2w3x', status: 'pending', amount: { amount: '12.50', currency: 'EUR' } },
} as const satisfies ActionSpec<typeof input, typeof output> as ActionSpec;

/** The action `payment.refund`. Its key is the refund's, so no attempt makes a second one. */
export function refundAction(refunds: Refunds): BuiltInAction {
  return {
    spec: SPEC,
    run: async ({ tenantId, input: values, idempotencyKey }) => {
      // The door has validated the input against the schema above.
      const wish = values as From<typeof input>;
      try {
        const refund = wish.refund === undefined
          ? await refunds.request(tenantId, {
              paymentId: uuidOf('pay', wish.payment), reason: wish.reason ?? '', credits: 0, awaitApproval: false, requestKey: idempotencyKey,
              ...(wish.amount && { amount: parseMoney(wish.amount) }),
            })
          : await refunds.send(tenantId, uuidOf('ref', wish.refund));
        return outcomeOf(refund);
      } catch (error) {
        if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
        return error.spec.status === 409 ? declined(error.code, error.message) : failed('input', error.message, { code: error.code });
      }
    },
  };
}

function outcomeOf({ id, status, amount }: RefundSubject): Outcome<Readonly<Record<string, unknown>>> {
  switch (status) {
    case 'failed':
      return declined('refund.failed', 'The provider did not accept the refund');
    case 'requested':
      return unknown('The provider has not answered yet');
    case 'pending':
    case 'completed':
      return ok({ id, status, amount }, id);
  }
}
