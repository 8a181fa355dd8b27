import { failed, ok, type Context, type CreateMandate, type MandateFacts, type Mandates, type Outcome } from '@kassaflow/plugin-sdk';
import { callPaypal } from './client.ts';
import { localeOf, shortened } from './orders.ts';
import { isMissing } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { approvalLink, type VaultToken } from './wire.ts';

/**
 * Wallets saved for later charges (vault_payment_tokens_v3). A mandate begins as a *setup token*, which the payer approves, and becomes a
 * *payment token*, which is charged. Both have ids of the same form, so that of a setup token carries a mark. `fetch` of an approved setup
 * token makes the payment token of it (PayPal does not by itself, and forgets a setup token after three days) and from then on the facts name
 * the payment token.
 */
const SETUP = 'setup:';

/** `description` of a wallet: letters, digits and `_'-., :;!?"` only. */
const LONGEST_DESCRIPTION = 128;
const NOT_IN_DESCRIPTION = /[^a-zA-Z0-9_'\-., :;!?"]/g;
const SETUP_WORDS: Readonly<Record<string, 'pending' | 'approved' | 'used'>> = {
  CREATED: 'pending',
  PAYER_ACTION_REQUIRED: 'pending',
  APPROVED: 'approved',
  VAULTED: 'used',
  TOKENIZED: 'used',
};

export const mandates: Mandates<Settings> = {
  create: async (context, mandate) => {
    if (mandate.kind !== 'account') return failed('input', 'PayPal keeps accounts only.', { field: 'kind' });
    const made = await callPaypal<VaultToken>(context, 'write', {
      method: 'POST',
      path: '/v3/vault/setup-tokens',
      body: setupOf(mandate),
      key: context.idempotencyKey,
    });
    if (made.kind !== 'ok') return made;
    const { id, links } = made.value;
    const url = approvalLink(links);
    if (id === undefined || url === undefined)
      return { kind: 'unknown', message: 'PayPal made a setup token and did not say where to approve it.' };
    return ok({ facts: pending(made.value), next: { kind: 'redirect', url } }, id);
  },

  fetch: async (context, { providerId, customer }) =>
    providerId.startsWith(SETUP) ? fetchSetup(context, providerId.slice(SETUP.length)) : fetchPaymentToken(context, providerId, customer),

  revoke: async (context, { providerId, customer }) => {
    if (!providerId.startsWith(SETUP)) return revokePaymentToken(context, providerId, customer);
    const facts = await fetchSetup(context, providerId.slice(SETUP.length));
    if (facts.kind !== 'ok') return facts;
    // Without a payment token nothing can be charged, and none is made unless somebody fetches it.
    return facts.value.state === 'active'
      ? revokePaymentToken(context, facts.value.providerId, customer)
      : ok({ ...facts.value, state: 'revoked' });
  },
};

/** The facts of a payment token, by PayPal's words. */
export function mandateFacts(token: VaultToken, state: MandateFacts['state']): MandateFacts {
  const wallet = token.payment_source?.['paypal'];
  const account = wallet?.account_id ?? wallet?.payer_id;
  return {
    providerId: token.id ?? 'unknown',
    kind: 'account',
    state,
    ...(token.customer?.id === undefined ? {} : { customer: token.customer.id }),
    label: 'PayPal',
    ...(account === undefined ? {} : { fingerprint: account }),
  };
}

function setupOf({ description, returnUrl, customer }: CreateMandate): object {
  const locale = localeOf(customer.locale);
  return {
    ...(customer.providerId === undefined ? {} : { customer: { id: customer.providerId } }),
    payment_source: {
      paypal: {
        description: shortened(description.replace(NOT_IN_DESCRIPTION, ' '), LONGEST_DESCRIPTION) || 'Payments',
        usage_type: 'MERCHANT',
        usage_pattern: 'THRESHOLD_POSTPAID',
        experience_context: {
          return_url: returnUrl,
          cancel_url: returnUrl,
          shipping_preference: 'NO_SHIPPING',
          ...(locale === undefined ? {} : { locale }),
        },
      },
    },
  };
}

async function fetchSetup(context: Context<Settings>, id: string): Promise<Outcome<MandateFacts>> {
  const found = await callPaypal<VaultToken>(context, 'read', { method: 'GET', path: `/v3/vault/setup-tokens/${encodeURIComponent(id)}` });
  if (isMissing(found)) return ok({ providerId: `${SETUP}${id}`, kind: 'account', state: 'expired' });
  if (found.kind !== 'ok') return found;
  const word = SETUP_WORDS[found.value.status ?? ''];
  if (word === undefined)
    context.log.warn('PayPal used a word that this plugin does not know', { setupToken: id, status: found.value.status });
  if (word === 'approved') return exchange(context, id);
  return word === 'used' ? lookUpUsed(context, id, found.value.customer?.id) : ok(pending(found.value));
}

/** The key makes one payment token of one setup token, however often and from wherever it is asked for. */
async function exchange(context: Context<Settings>, id: string): Promise<Outcome<MandateFacts>> {
  const made = await callPaypal<VaultToken>(context, 'read', {
    method: 'POST',
    path: '/v3/vault/payment-tokens',
    body: { payment_source: { token: { id, type: 'SETUP_TOKEN' } } },
    key: `${id}:vault`,
  });
  return made.kind === 'ok' ? ok(mandateFacts(made.value, 'active'), made.value.id ?? '') : made;
}

/** The answer to the exchange got lost: the repeat under its key has it for three hours, then the customer's list. */
async function lookUpUsed(context: Context<Settings>, id: string, customer: string | undefined): Promise<Outcome<MandateFacts>> {
  const again = await exchange(context, id);
  if (again.kind === 'ok' || customer === undefined) return again;
  const query = new URLSearchParams({ customer_id: customer, page_size: '5' });
  const list = await callPaypal<{ payment_tokens?: readonly VaultToken[] }>(context, 'read', {
    method: 'GET',
    path: `/v3/vault/payment-tokens?${query.toString()}`,
  });
  if (list.kind !== 'ok') return list;
  const [only, ...others] = (list.value.payment_tokens ?? []).filter(({ payment_source: source }) => source?.['paypal'] !== undefined);
  return only && others.length === 0
    ? ok(mandateFacts(only, 'active'), only.id ?? '')
    : failed('temporary', 'PayPal does not say which saved wallet came of this approval.', { code: 'SETUP_TOKEN_USED' });
}

async function fetchPaymentToken(context: Context<Settings>, id: string, customer: string | undefined): Promise<Outcome<MandateFacts>> {
  const found = await callPaypal<VaultToken>(context, 'read', { method: 'GET', path: tokenPath(id) });
  // PayPal deletes a token when the payer takes back the permission, and knows nothing of it afterwards.
  if (isMissing(found)) return ok(revoked(id, customer));
  return found.kind === 'ok' ? ok(mandateFacts({ id, ...found.value }, 'active'), id) : found;
}

async function revokePaymentToken(context: Context<Settings>, id: string, customer: string | undefined): Promise<Outcome<MandateFacts>> {
  const gone = await callPaypal(context, 'write', { method: 'DELETE', path: tokenPath(id) });
  return gone.kind === 'ok' || isMissing(gone) ? ok(revoked(id, customer), id) : gone;
}

function pending(token: VaultToken): MandateFacts {
  return { ...mandateFacts(token, 'pending'), providerId: `${SETUP}${token.id ?? 'unknown'}` };
}

function revoked(id: string, customer: string | undefined): MandateFacts {
  return { providerId: id, kind: 'account', state: 'revoked', ...(customer === undefined ? {} : { customer }) };
}

function tokenPath(id: string): string {
  return `/v3/vault/payment-tokens/${encodeURIComponent(id)}`;
}
