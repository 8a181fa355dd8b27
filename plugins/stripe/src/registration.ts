import { ok, unknown, type Context, type Outcome, type RegisteredWebhook, type Webhook } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { API_VERSION, EVENTS } from './events.ts';
import { collect } from './seen.ts';
import type { Settings } from './settings.ts';

/**
 * Registers the address, in the API version that this plugin reads. A registration of ours that stands is brought up to date and left
 * alone; one whose secret we do not have, or that speaks another version, is made anew: Stripe tells a secret once, and a version
 * cannot be changed. What the old one has signed still counts, by the secret before.
 *
 * An endpoint that a person has made with the same address is left alone when its secret is in the settings.
 */
export const register: NonNullable<Webhook<Settings>['register']> = async (context, { url }) => {
  const listed = await callStripe(context, 'read', async (stripe) => ok(await collect(stripe.webhookEndpoints.list({ limit: 100 }))));
  if (listed.kind !== 'ok') return listed;
  const standing = listed.value.filter((one) => one.url === url);
  const { webhookSecret, webhookSecrets = [] } = context.settings;
  const hasSecret = webhookSecret !== undefined || webhookSecrets.length > 0;
  const good = hasSecret ? standing.find((one) => one.api_version === API_VERSION) : undefined;
  return callStripe(context, 'write', async (stripe) => {
    if (good) return bringUpToDate(context, stripe, good);
    const made = await create(context, stripe, url, standing);
    // Only now: until the new one stands, the old one delivers.
    if (made.kind === 'ok') for (const { id } of standing) await remove(stripe, id);
    return made;
  });
};

async function bringUpToDate(
  context: Context<Settings>,
  stripe: Stripe,
  { id, status, enabled_events: events }: Stripe.WebhookEndpoint,
): Promise<Outcome<RegisteredWebhook>> {
  const isComplete = events.includes('*') || EVENTS.every((event) => events.includes(event));
  if (!isComplete || status !== 'enabled')
    await stripe.webhookEndpoints.update(id, { enabled_events: [...EVENTS], disabled: false }, keyFor(context, `update:${id}`));
  return ok({ providerId: id }, id);
}

async function create(
  context: Context<Settings>,
  stripe: Stripe,
  url: string,
  standing: readonly Stripe.WebhookEndpoint[],
): Promise<Outcome<RegisteredWebhook>> {
  const before = standing.map(({ id }) => id).join(',');
  const made = await stripe.webhookEndpoints.create(
    { url, enabled_events: [...EVENTS], api_version: API_VERSION, description: 'Kassaflow' },
    keyFor(context, `create:${before}`),
  );
  if (made.secret === undefined) return unknown('Stripe registered a webhook and did not tell its secret.');
  const { webhookSecret } = context.settings;
  const secrets = {
    webhookSecret: made.secret,
    ...(webhookSecret === undefined || webhookSecret === made.secret ? {} : { previousWebhookSecret: webhookSecret }),
  };
  return ok({ providerId: made.id, secrets }, made.id);
}

/** One that is gone already is what was wanted. */
async function remove(stripe: Stripe, id: string): Promise<void> {
  try {
    await stripe.webhookEndpoints.del(id);
  } catch (error) {
    if (!(error instanceof Error && 'statusCode' in error && error.statusCode === 404)) throw error;
  }
}

/** One call of ours may make several requests, and is repeated from time to time without a key of its own. */
function keyFor({ idempotencyKey }: Context<Settings>, what: string): { readonly idempotencyKey?: string } {
  return idempotencyKey === '' ? {} : { idempotencyKey: `${idempotencyKey}:${what}`.slice(0, 255) };
}
