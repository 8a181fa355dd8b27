import { ok } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../built-in-action.ts';
import type { Invoices } from './invoices.service.ts';

const input = {
  type: 'object',
  properties: {
    invoice: { type: 'string', title: 'Invoice', maxLength: 40 },
    reason: { type: 'string', title: 'Reason', maxLength: 500 },
  },
  required: ['invoice'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: { invoice: { type: 'string' }, status: { type: 'string', enum: ['written-off'] } },
  required: ['invoice', 'status'],
  additionalProperties: false,
} as const;

/** The action `invoice.write-off`. An invoice that is written off already stays so, whatever key asks. */
export function writeOffAction(invoices: Invoices): BuiltInAction {
  return builtInAction(
    {
      name: 'invoice.write-off',
      title: 'Write off an invoice',
      about: 'Gives up what is open on an invoice and books it as a loss. Money that comes all the same takes it back.',
      input,
      output,
      effect: 'keyed',
      keyTtlMs: REMEMBERED_MS,
      causes: ['invoice.written-off'],
      timeoutMs: 10_000,
      sample: { invoice: 'inv_01jd3k4m5n6p7q8r9s0t1v2w3y', status: 'written-off' },
    },
    {
      run: async ({ tenantId, runId }, { invoice, reason = '' }) => {
        const { id } = await invoices.writeOff(tenantId, uuidOf('inv', invoice), reason, `run/${idOf('run', runId)}`);
        return ok({ invoice: id, status: 'written-off' as const }, id);
      },
    },
  );
}
