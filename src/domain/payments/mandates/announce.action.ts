import { ok } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../../kernel/ids.ts';
import { parseMoney } from '../../../kernel/money.ts';
import type { BuiltInAction } from '../../../plugin-host/built-in-actions.ts';
import { builtInAction } from '../../built-in-action.ts';
import type { AnnounceDebits } from './announce-debits.service.ts';

const input = {
  type: 'object',
  properties: {
    invoice: { type: 'string', title: 'Invoice', maxLength: 40 },
    amount: { type: 'object', format: 'money', title: 'Amount', description: 'Default: all that is open on the invoice' },
    mandate: { type: 'string', title: 'Mandate', description: "Default: the customer's newest that can be charged", maxLength: 40 },
    dueOn: { type: 'string', title: 'Due on', description: 'Default: the first bank day that the notice allows', maxLength: 10 },
  },
  required: ['invoice'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: {
    mandate: { type: 'string' },
    dueOn: { type: 'string', description: 'When the money is taken: 2026-11-30; give it to payment.charge' },
    submitOn: { type: 'string', description: 'The last day on which payment.charge can be done for it' },
  },
  required: ['mandate', 'dueOn', 'submitOn'],
  additionalProperties: false,
} as const;

/** Our own table remembers the key of a notice for as long as it is kept as evidence. */
const FOREVER_MS = 10 * 365 * 86_400_000;

/** The action `payment.announce`: tells a customer of a direct debit before it is made. */
export function announceAction(notices: AnnounceDebits): BuiltInAction {
  return builtInAction(
    {
      name: 'payment.announce',
      title: 'Announce a direct debit',
      about: 'Plans the day on which an invoice is taken from the account, by the notice that the dunning policy names, and records it.',
      input,
      output,
      effect: 'keyed',
      keyTtlMs: FOREVER_MS,
      causes: ['mandate.pre-notification-due'],
      timeoutMs: 10_000,
      sample: { mandate: 'man_01jd3k4m5n6p7q8r9s0t1v2w45', dueOn: '2026-12-07', submitOn: '2026-12-04' },
    },
    {
      run: async ({ tenantId, runId, idempotencyKey: requestKey }, { invoice, amount, mandate, dueOn }) => {
        const notice = await notices.announce(tenantId, {
          invoiceId: uuidOf('inv', invoice),
          requestKey,
          actor: `run/${idOf('run', runId)}`,
          ...(amount && { amount: parseMoney(amount) }),
          ...(mandate !== undefined && { mandateId: uuidOf('man', mandate) }),
          ...(dueOn !== undefined && { dueOn }),
        });
        return ok({ mandate: notice.mandate, dueOn: notice.dueOn, submitOn: notice.submitOn }, notice.invoice);
      },
    },
  );
}
