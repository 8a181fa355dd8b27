import { declined, failed, ok, type ActionSpec, type From, type Outcome } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { ActionCall } from '../../plugin-host/action-call.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import type { CreditChange, Credits } from './credits.service.ts';

const customer = { type: 'string', title: 'Customer', maxLength: 40 } as const;
const units = { type: 'integer', title: 'Credits', minimum: 1, maximum: 1_000_000_000 } as const;
const reason = { type: 'string', title: 'Reason', maxLength: 500 } as const;
const addInput = { type: 'object', properties: { customer, credits: units, order: { type: 'string', title: 'Order', maxLength: 40 }, reason }, required: ['customer', 'credits'], additionalProperties: false } as const;
const takeInput = { type: 'object', properties: { customer, credits: units, reason }, required: ['customer', 'credits'], additionalProperties: false } as const;
const output = {
  type: 'object',
  properties: { entry: { type: 'string' }, balance: { type: 'integer' } },
  required: ['entry', 'balance'],
  additionalProperties: false,
} as const;

const SHARED = {
  output,
  effect: 'keyed',
  // The entry itself remembers the key and is never deleted.
  keyTtlMs: 10 * 365 * 86_400_000,
  sample: { entry: 'cre_01jd3k4m5n6p7q8r9s0t1v2w3x', balance: 120 },
} as const;

/** Checked in their own types; the registry holds specs of all shapes in the widest one. */
const ADD = { ...SHARED, name: 'credit.add', title: 'Add credits', about: 'Grants credits to a customer.', input: addInput, undo: 'credit.take' } as const satisfies ActionSpec<typeof addInput, typeof output> as ActionSpec;
const TAKE = { ...SHARED, name: 'credit.take', title: 'Take credits', about: 'Takes credits of a customer; declined when there are not enough.', input: takeInput, undo: 'credit.add' } as const satisfies ActionSpec<typeof takeInput, typeof output> as ActionSpec;

/** The actions `credit.add` and `credit.take`. */
export function creditActions(credits: Credits): readonly BuiltInAction[] {
  return [
    {
      spec: ADD,
      run: (call) => {
        // The door has validated the input against the schema above.
        const wish = call.input as From<typeof addInput>;
        return change(credits, call, { kind: 'grant', customer: wish.customer, units: wish.credits, reason: wish.reason, order: wish.order });
      },
    },
    {
      spec: TAKE,
      run: (call) => {
        const wish = call.input as From<typeof takeInput>;
        return change(credits, call, { kind: 'use', customer: wish.customer, units: wish.credits, reason: wish.reason, order: undefined });
      },
    },
  ];
}

async function change(
  credits: Credits,
  { tenantId, idempotencyKey: key }: ActionCall,
  wish: Pick<CreditChange, 'kind' | 'units'> & { customer: string; reason: string | undefined; order: string | undefined },
): Promise<Outcome<Readonly<Record<string, unknown>>>> {
  try {
    const entry = await credits.change(tenantId, {
      customerId: uuidOf('cus', wish.customer),
      kind: wish.kind,
      units: wish.units,
      reason: wish.reason ?? '',
      key,
      ...(wish.order !== undefined && wish.order !== '' && { orderId: uuidOf('ord', wish.order) }),
    });
    return ok({ entry: idOf('cre', entry.id), balance: Number(entry.balanceAfter) }, idOf('cre', entry.id));
  } catch (error) {
    if (isKassaflowError(error, 'credit.insufficient')) return declined(error.code, error.message);
    if (isKassaflowError(error) && error.spec.status < 500) return failed('input', error.message, { code: error.code });
    throw error;
  }
}
