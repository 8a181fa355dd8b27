import { ok, unknown, type Context, type Outcome, type RegisteredWebhook, type Webhook } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { API_VERSION, EVENTS } from './events.ts';
import { markIn, REGISTRATION_MARK } from './marks.ts';
import { collect } from './seen.ts';
import type { Settings } from './settings.ts';

/**
 * Registers the address, in the API version that this plugin reads.
 *
 * Stripe tells a secret once, and a version cannot be changed. So a registration is found when it is the one whose secret we hold, in this
 * version; it is brought up to date, and what we registered before it goes. Otherwise a new one is made, and the old ones stay until
 * the next call finds the new one in place: until then both deliver, both secrets count, and no event is lost.
 *
 * An endpoint that a person has made with this address stays, and is enough while its secret is in the settings.
 */
export const register: NonNullable<Webhook<Settings>['register']> = async (context, { url, renew = false }) => {
  const listed = await callStripe(context, 'read', async (stripe) => ok(await collect(stripe.webhookEndpoints.list({ limit: 100 }))));
  if (listed.kind !== 'ok') return listed;
  const standing = listed.value.filter((one) => one.url === url);
  const kept = renew ? undefined : keptAmong(standing, context.settings);
  return callStripe(context, 'write', async (stripe) => {
    if (!kept) return create(context, stripe, url);
    for (const { id } of standing.filter((one) => one.id !== kept.id && isOurs(one))) await remove(stripe, id);
    return bringUpToDate(stripe, kept);
  });
};

/** An endpoint that a person has made with this address stays. */
export const unregister: NonNullable<Webhook<Settings>['unregister']> = async (context, { url }) => {
  const listed = await callStripe(context, 'read', async (stripe) => ok(await collect(stripe.webhookEndpoints.list({ limit: 100 }))));
  if (listed.kind !== 'ok') return listed;
  return callStripe(context, 'write', async (stripe) => {
    for (const { id } of listed.value.filter((one) => one.url === url && isOurs(one))) await remove(stripe, id);
    return ok(undefined);
  });
};

function keptAmong(
  standing: readonly Stripe.WebhookEndpoint[],
  { webhookId, webhookSecret, webhookSecrets = [] }: Settings,
): Stripe.WebhookEndpoint | undefined {
  const registered = webhookSecret === undefined ? undefined : standing.find(({ id }) => id === webhookId);
  if (registered) return registered.api_version === API_VERSION ? registered : undefined;
  return webhookSecrets.length > 0 ? standing.find((one) => !isOurs(one)) : undefined;
}

function isOurs({ metadata }: Stripe.WebhookEndpoint): boolean {
  return markIn(metadata, REGISTRATION_MARK) !== undefined;
}

async function bringUpToDate(stripe: Stripe, kept: Stripe.WebhookEndpoint): Promise<Outcome<RegisteredWebhook>> {
  const { id, status, enabled_events: events } = kept;
  const isComplete = events.includes('*') || EVENTS.every((event) => events.includes(event));
  // A person's own endpoint has the events and the state that a person gave it.
  if (isOurs(kept) && (!isComplete || status !== 'enabled'))
    await stripe.webhookEndpoints.update(id, { enabled_events: [...EVENTS], disabled: false });
  return ok({ providerId: id }, id);
}

async function create(context: Context<Settings>, stripe: Stripe, url: string): Promise<Outcome<RegisteredWebhook>> {
  const { id, secret } = await stripe.webhookEndpoints.create({
    url,
    enabled_events: [...EVENTS],
    api_version: API_VERSION,
    description: 'Kassaflow',
    metadata: { [REGISTRATION_MARK]: 'true' },
  });
  if (secret === undefined) return unknown('Stripe registered a webhook and did not tell its secret.');
  const { webhookSecret: before } = context.settings;
  const secrets = { webhookId: id, webhookSecret: secret, ...(before === undefined ? {} : { previousWebhookSecret: before }) };
  return ok({ providerId: id, secrets }, id);
}

/** One that is gone already is what was wanted. */
async function remove(stripe: Stripe, id: string): Promise<void> {
  try {
    await stripe.webhookEndpoints.del(id);
  } catch (error) {
    if (!(error instanceof Error && 'statusCode' in error && error.statusCode === 404)) throw error;
  }
}
