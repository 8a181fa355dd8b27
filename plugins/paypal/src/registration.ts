import { failed, ok, type Context, type Outcome, type RegisteredWebhook } from '@kassaflow/plugin-sdk';
import { knownCertificates } from './certificates.ts';
import { callPaypal } from './client.ts';
import { codeOfOutcome } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { EVENT_TYPES } from './signals.ts';

interface Registered {
  readonly id?: string;
  readonly url?: string;
  readonly event_types?: readonly { readonly name?: string }[];
}

/** Webhook ids kept: the one in use, and the one before for deliveries that are still on their way. */
const MOST_IDS = 2;

/**
 * Registers the address, or finds it, and brings its list of events up to date. Gives back the webhook's id, which every signature
 * covers, and the certificates that deliveries have named so far.
 */
export async function register(context: Context<Settings>, { url }: { readonly url: string }): Promise<Outcome<RegisteredWebhook>> {
  const known = await find(context, url);
  if (known.kind !== 'ok') return known;
  if (known.value?.id !== undefined) return update(context, known.value.id, known.value);
  const made = await callPaypal<Registered>(context, 'write', {
    method: 'POST',
    path: '/v1/notifications/webhooks',
    body: { url, event_types: EVENT_TYPES.map((name) => ({ name })) },
  });
  if (codeOfOutcome(made) === 'WEBHOOK_NUMBER_LIMIT_EXCEEDED') {
    return failed('permanent', 'PayPal keeps ten webhooks per app; delete one in its developer dashboard.', {
      code: 'WEBHOOK_NUMBER_LIMIT_EXCEEDED',
    });
  }
  if (codeOfOutcome(made) === 'WEBHOOK_URL_ALREADY_EXISTS') {
    const other = await find(context, url);
    return other.kind === 'ok' && other.value?.id !== undefined
      ? ok(resultOf(context, other.value.id), other.value.id)
      : (made as Outcome<never>);
  }
  if (made.kind !== 'ok') return made;
  return made.value.id === undefined
    ? { kind: 'unknown', message: 'PayPal made a webhook and did not say which.' }
    : ok(resultOf(context, made.value.id), made.value.id);
}

/** Takes the address back; one that is gone already is what was wanted. */
export async function unregister(context: Context<Settings>, { url }: { readonly url: string }): Promise<Outcome<undefined>> {
  const known = await find(context, url);
  if (known.kind !== 'ok') return known;
  if (known.value?.id === undefined) return ok(undefined);
  const path = `/v1/notifications/webhooks/${encodeURIComponent(known.value.id)}`;
  const gone = await callPaypal(context, 'write', { method: 'DELETE', path });
  return gone.kind === 'ok' || codeOfOutcome(gone) === 'INVALID_RESOURCE_ID' ? ok(undefined) : gone;
}

async function find(context: Context<Settings>, url: string): Promise<Outcome<Registered | undefined>> {
  const list = await callPaypal<{ webhooks?: readonly Registered[] }>(context, 'read', {
    method: 'GET',
    path: '/v1/notifications/webhooks',
  });
  return list.kind === 'ok' ? ok(list.value.webhooks?.find((one) => one.url === url)) : list;
}

async function update(context: Context<Settings>, id: string, { event_types: types }: Registered): Promise<Outcome<RegisteredWebhook>> {
  const names = new Set(types?.map(({ name }) => name));
  if (names.has('*') || EVENT_TYPES.every((name) => names.has(name))) return ok(resultOf(context, id), id);
  const changed = await callPaypal(context, 'write', {
    method: 'PATCH',
    path: `/v1/notifications/webhooks/${encodeURIComponent(id)}`,
    body: [{ op: 'replace', path: '/event_types', value: EVENT_TYPES.map((name) => ({ name })) }],
  });
  return changed.kind === 'ok' ? ok(resultOf(context, id), id) : changed;
}

function resultOf(context: Context<Settings>, id: string): RegisteredWebhook {
  const before = context.settings.webhookId?.split(' ') ?? [];
  const webhookCertificates = knownCertificates(context);
  return {
    providerId: id,
    secrets: {
      webhookId: [id, ...before.filter((one) => one !== id)].slice(0, MOST_IDS).join(' '),
      ...(webhookCertificates === '' ? {} : { webhookCertificates }),
    },
  };
}
