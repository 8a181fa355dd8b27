import { ok } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../../kernel/ids.ts';
import type { BuiltInAction } from '../../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../../built-in-action.ts';
import type { RequestLinks } from './request-links.service.ts';

const input = {
  type: 'object',
  properties: {
    request: { type: 'string', title: 'Payment request', maxLength: 40 },
    days: { type: 'integer', title: 'Days', description: 'For how long it can be paid', minimum: 1, maximum: 90, default: 14 },
  },
  required: ['request'],
  additionalProperties: false,
} as const;

const output = {
  type: 'object',
  properties: { link: { type: 'string' }, checkout: { type: 'string' } },
  required: ['link', 'checkout'],
  additionalProperties: false,
} as const;

/** The action `request.link`: a page for what a phone could not be asked for. */
export function requestLinkAction(links: RequestLinks): BuiltInAction {
  return builtInAction(
    {
      name: 'request.link',
      title: 'Make a page for a request that failed or expired',
      about: 'Makes a page of ours on which the customer pays what the request asked for, in any way, and gives its address to be sent.',
      input,
      output,
      effect: 'keyed',
      keyTtlMs: REMEMBERED_MS,
      timeoutMs: 10_000,
      sample: { link: 'https://pay.example.com/pay/8fK2', checkout: 'chk_01jd3k4m5n6p7q8r9s0t1v2w3x' },
    },
    {
      run: async ({ tenantId, runId, idempotencyKey }, { request, days = 14 }) => {
        const wish = { requestId: uuidOf('req', request), days, requestKey: idempotencyKey, actor: `run/${idOf('run', runId)}` };
        const made = await links.make(tenantId, wish);
        return ok({ ...made }, made.checkout);
      },
    },
  );
}
