import { ok, unknown, type Context, type Outcome, type RegisteredWebhook, type Webhook } from '@kassaflow/plugin-sdk';
import { MONEY_BACK_EVENTS, PAYMENT_EVENTS } from './events.ts';
import { askOrganization } from './organization.ts';
import { textIn } from './seen.ts';
import type { Settings } from './settings.ts';

/** Every classic webhook is registered with its own payment: there is nothing to register for them. */
const PER_PAYMENT: RegisteredWebhook = { providerId: 'per-payment' };

/**
 * Registers the address for signed events, where the connection has an organisation token. A registration that stands is left alone;
 * one that Mollie has blocked (it does after ten failed deliveries), or whose secret we do not have, is made anew, and the new secret
 * goes to the connection together with the old one. Whose secret we have tells `webhookId`: the answer that brought it may have been lost.
 */
export const register: NonNullable<Webhook<Settings>['register']> = async (context, { url, renew }) => {
  const { organizationToken, webhookId, webhookSecret } = context.settings;
  if (organizationToken === undefined) return ok(PER_PAYMENT, PER_PAYMENT.providerId);
  const listed = await standingAt(context, url);
  if (listed.kind !== 'ok') return listed;
  const standing = listed.value;
  const good = standing.find(({ id, status }) => id === webhookId && status === 'enabled');
  if (good && webhookSecret !== undefined && renew !== true) return ok({ providerId: good.id }, good.id);
  const gone = await removeAll(context, standing);
  if (gone.kind !== 'ok') return gone;
  const made = await create(context, url, [...PAYMENT_EVENTS, ...MONEY_BACK_EVENTS]);
  return made.kind === 'failed' && made.code === '422' ? create(context, url, PAYMENT_EVENTS) : made;
};

export const unregister: NonNullable<Webhook<Settings>['unregister']> = async (context, { url }) => {
  if (context.settings.organizationToken === undefined) return ok(undefined);
  const listed = await standingAt(context, url);
  return listed.kind === 'ok' ? removeAll(context, listed.value) : listed;
};

async function standingAt(context: Context<Settings>, url: string): Promise<Outcome<readonly Hook[]>> {
  const listed = await askOrganization(context, 'read', { method: 'GET', path: '/webhooks?limit=250' });
  return listed.kind === 'ok' ? ok(hooksIn(listed.value).filter((hook) => hook.url === url && hook.status !== 'deleted')) : listed;
}

/** One that is gone already is what was wanted. */
async function removeAll(context: Context<Settings>, hooks: readonly Hook[]): Promise<Outcome<undefined>> {
  for (const { id } of hooks) {
    const gone = await askOrganization(context, 'write', { method: 'DELETE', path: `/webhooks/${id}` });
    if (gone.kind !== 'ok' && !(gone.kind === 'failed' && (gone.code === '404' || gone.code === '410'))) return gone;
  }
  return ok(undefined);
}

interface Hook {
  readonly id: string;
  readonly url: string;
  readonly status: string;
}

async function create(context: Context<Settings>, url: string, eventTypes: readonly string[]): Promise<Outcome<RegisteredWebhook>> {
  const made = await askOrganization(context, 'write', {
    method: 'POST',
    path: '/webhooks',
    body: { name: 'Kassaflow', url, eventTypes },
  });
  if (made.kind !== 'ok') return made;
  const hook = made.value as object | undefined;
  const id = textIn(hook, 'id');
  const secret = textIn(hook, 'webhookSecret');
  if (id === undefined || secret === undefined) return unknown('Mollie’s answer to a registration could not be read.');
  const { webhookSecret } = context.settings;
  return ok(
    {
      providerId: id,
      secrets: { webhookId: id, webhookSecret: secret, ...(webhookSecret === undefined ? {} : { previousWebhookSecret: webhookSecret }) },
    },
    id,
  );
}

function hooksIn(value: unknown): readonly Hook[] {
  const embedded: unknown = typeof value === 'object' && value && '_embedded' in value ? value._embedded : undefined;
  const webhooks: unknown = typeof embedded === 'object' && embedded && 'webhooks' in embedded ? embedded.webhooks : undefined;
  if (!Array.isArray(webhooks)) return [];
  return webhooks.flatMap((hook: object) => {
    const id = textIn(hook, 'id');
    const url = textIn(hook, 'url');
    return id === undefined || url === undefined ? [] : [{ id, url, status: textIn(hook, 'status') ?? 'enabled' }];
  });
}
