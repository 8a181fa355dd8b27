import { ok, type Outcome } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../built-in-action.ts';
import type { CreditChange, Credits } from './credits.service.ts';

const customer = { type: 'string', title: 'Customer', maxLength: 40 } as const;
const units = { type: 'integer', title: 'Credits', minimum: 1, maximum: 1_000_000_000 } as const;
const reason = { type: 'string', title: 'Reason', maxLength: 500 } as const;
const output = {
  type: 'object',
  properties: { entry: { type: 'string' }, balance: { type: 'integer' } },
  required: ['entry', 'balance'],
  additionalProperties: false,
} as const;

const SHARED = {
  output,
  effect: 'keyed',
  keyTtlMs: REMEMBERED_MS,
  sample: { entry: 'cre_01jd3k4m5n6p7q8r9s0t1v2w3x', balance: 120 },
} as const;

/** The actions `credit.add`, `credit.take` and `credit.claw-back`. */
export function creditActions(credits: Credits): readonly BuiltInAction[] {
  const change = async (tenantId: string, wish: CreditChange): Promise<Outcome<{ entry: string; balance: number }>> => {
    const { id, balanceAfter } = await credits.change(tenantId, wish);
    return ok({ entry: idOf('cre', id), balance: Number(balanceAfter) }, idOf('cre', id));
  };
  return [
    builtInAction(
      {
        ...SHARED,
        name: 'credit.add',
        title: 'Add credits',
        about: 'Grants credits to a customer.',
        input: {
          type: 'object',
          properties: { customer, credits: units, order: { type: 'string', title: 'Order', maxLength: 40 }, reason },
          required: ['customer', 'credits'],
          additionalProperties: false,
        },
        undo: 'credit.take',
        causes: ['credit.added'],
      },
      {
        run: ({ tenantId, idempotencyKey: key }, input) =>
          change(tenantId, {
            customerId: uuidOf('cus', input.customer),
            kind: 'grant',
            units: input.credits,
            reason: input.reason ?? '',
            key,
            ...(input.order !== undefined && input.order !== '' && { orderId: uuidOf('ord', input.order) }),
          }),
      },
    ),
    builtInAction(
      {
        ...SHARED,
        name: 'credit.take',
        title: 'Take credits',
        about: 'Takes credits of a customer; declined when there are not enough.',
        input: {
          type: 'object',
          properties: { customer, credits: units, reason },
          required: ['customer', 'credits'],
          additionalProperties: false,
        },
        undo: 'credit.add',
        causes: ['credit.used', 'credit.low'],
      },
      {
        run: ({ tenantId, idempotencyKey: key }, input) =>
          change(tenantId, {
            customerId: uuidOf('cus', input.customer),
            kind: 'use',
            units: input.credits,
            reason: input.reason ?? '',
            key,
          }),
      },
    ),
    builtInAction(
      {
        ...SHARED,
        name: 'credit.claw-back',
        title: 'Take credits back',
        about:
          'Takes credits back whose money was taken back, although some may be used by now. policy: never, to-zero (as far as there are any), negative (all; the customer owes what was used).',
        input: {
          type: 'object',
          properties: {
            customer,
            credits: units,
            policy: { type: 'string', title: 'Policy', enum: ['never', 'to-zero', 'negative'], default: 'to-zero' },
            reason,
          },
          required: ['customer', 'credits'],
          additionalProperties: false,
        },
        output: {
          type: 'object',
          properties: { ...output.properties, taken: { type: 'integer' } },
          required: ['entry', 'balance', 'taken'],
          additionalProperties: false,
        },
        sample: { ...SHARED.sample, taken: 100 },
        undo: 'credit.add',
        causes: ['credit.clawed-back', 'credit.low'],
      },
      {
        run: async ({ tenantId, idempotencyKey: key }, input) => {
          const {
            id,
            balanceAfter,
            units: change,
          } = await credits.change(tenantId, {
            customerId: uuidOf('cus', input.customer),
            kind: 'claw-back',
            units: input.credits,
            policy: input.policy ?? 'to-zero',
            reason: input.reason ?? '',
            key,
          });
          return ok({ entry: idOf('cre', id), balance: Number(balanceAfter), taken: Number(-change) }, idOf('cre', id));
        },
      },
    ),
  ];
}
