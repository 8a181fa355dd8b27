import { ok, type Outcome } from '@kassaflow/plugin-sdk';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import type { ActionCall } from '../../plugin-host/action-call.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import { builtInAction, REMEMBERED_MS } from '../built-in-action.ts';
import type { LinkTerms, PayLink, PayLinks } from './pay-links.service.ts';
import type { RequestLinks } from './requests/request-links.service.ts';

const DAYS = { type: 'integer', title: 'Days', description: 'For how long it can be paid', minimum: 1, maximum: 90 } as const;

/** Of both actions: what they give, and that the run's key makes one page. */
const MAKES_A_PAGE = {
  output: {
    type: 'object',
    properties: { link: { type: 'string' }, checkout: { type: 'string' } },
    required: ['link', 'checkout'],
    additionalProperties: false,
  },
  effect: 'keyed',
  keyTtlMs: REMEMBERED_MS,
  timeoutMs: 10_000,
  sample: { link: 'https://pay.example.com/pay/8fK2', checkout: 'chk_01jd3k4m5n6p7q8r9s0t1v2w3x' },
} as const;

/** The action `payment.link`: a page on which what is open on an invoice can be paid in any way that is offered. */
export function payLinkAction(links: PayLinks): BuiltInAction {
  return builtInAction(
    {
      name: 'payment.link',
      title: 'Make a page to pay an invoice',
      about: 'Makes a page of ours on which the customer can pay what is open now, and gives its address to be sent.',
      input: {
        type: 'object',
        properties: { invoice: { type: 'string', title: 'Invoice', maxLength: 40 }, days: { ...DAYS, default: 45 } },
        required: ['invoice'],
        additionalProperties: false,
      },
      ...MAKES_A_PAGE,
    },
    {
      run: async (call, { invoice, days = 45 }) =>
        made(await links.make(call.tenantId, { ...termsOf(call, days), invoiceId: uuidOf('inv', invoice) })),
    },
  );
}

/** The action `request.link`: a page for what a phone could not be asked for. */
export function requestLinkAction(links: RequestLinks): BuiltInAction {
  return builtInAction(
    {
      name: 'request.link',
      title: 'Make a page for a request that failed or expired',
      about: 'Makes a page of ours on which the customer pays what the request asked for, in any way, and gives its address to be sent.',
      input: {
        type: 'object',
        properties: { request: { type: 'string', title: 'Payment request', maxLength: 40 }, days: { ...DAYS, default: 14 } },
        required: ['request'],
        additionalProperties: false,
      },
      ...MAKES_A_PAGE,
    },
    {
      run: async (call, { request, days = 14 }) =>
        made(await links.make(call.tenantId, { ...termsOf(call, days), requestId: uuidOf('req', request) })),
    },
  );
}

function termsOf({ runId, idempotencyKey }: ActionCall, days: number): LinkTerms {
  return { days, requestKey: idempotencyKey, actor: `run/${idOf('run', runId)}` };
}

function made({ link, checkout }: PayLink): Outcome<{ readonly link: string; readonly checkout: string }> {
  return ok({ link, checkout }, checkout);
}
