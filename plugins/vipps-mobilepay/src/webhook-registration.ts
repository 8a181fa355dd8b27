import { failed, ok, unknown, type Context, type Outcome, type RegisteredWebhook } from '@kassaflow/plugin-sdk';
import { send } from './client.ts';
import { isApproved, type Settings } from './settings.ts';
import { listAt, textAt } from './wire-values.ts';

/** https://developer.vippsmobilepay.com/docs/APIs/webhooks-api/events/; `canceled` has one "l" only for charges. */
const PAYMENT_EVENTS = ['created', 'authorized', 'captured', 'cancelled', 'refunded', 'aborted', 'expired', 'terminated'].map(
  (name) => `epayments.payment.${name}.v1`,
);
const RECURRING_EVENTS = [
  ...['activated', 'rejected', 'stopped', 'expired'].map((name) => `recurring.agreement-${name}.v1`),
  ...['reserved', 'captured', 'canceled', 'refunded', 'failed', 'creation-failed'].map((name) => `recurring.charge-${name}.v1`),
];

/** Events of agreements only where the sales unit has that product: whether others may ask for them is not written down. */
export function eventsOf(settings: Readonly<Settings>): readonly string[] {
  return isApproved(settings, 'recurring') ? [...PAYMENT_EVENTS, ...RECURRING_EVENTS] : PAYMENT_EVENTS;
}

const PATH = '/webhooks/v1/webhooks';
/** Goes into an address: what is no id of theirs stays out of it. */
const ID = /^[\w-]{1,100}$/;

/**
 * Registers the address, or finds that it is registered. A registration cannot be changed and tells its secret once, so a new one is made
 * when there is none whose secret we hold, and the provider deletes one that was dead for two weeks. The old ones go with the next call
 * that finds the new one in place: until then both deliver, both secrets count, and no event is lost.
 */
export async function register(
  context: Context<Settings>,
  { url, renew }: { readonly url: string; readonly renew?: boolean },
): Promise<Outcome<RegisteredWebhook>> {
  if (!url.startsWith('https://')) return failed('input', 'Vipps MobilePay delivers to https addresses only.', { field: 'url' });
  const listed = await registeredAt(context, url);
  if (listed.kind !== 'ok') return listed;
  const ours = listed.value;
  const { webhookId, webhookSecret } = context.settings;
  const kept =
    webhookSecret && renew !== true
      ? ours.find((hook) => textAt(hook, 'id') === webhookId && isComplete(hook, eventsOf(context.settings)))
      : undefined;
  const keptId = textAt(kept, 'id');
  if (keptId === undefined) return makeNew(context, url);
  for (const hook of ours) await remove(context, textAt(hook, 'id'), keptId);
  return ok({ providerId: keptId }, keptId);
}

export async function unregister(context: Context<Settings>, { url }: { readonly url: string }): Promise<Outcome<undefined>> {
  const listed = await registeredAt(context, url);
  if (listed.kind !== 'ok') return listed;
  for (const id of listed.value.flatMap((hook) => textAt(hook, 'id') ?? [])) {
    if (!ID.test(id)) continue;
    const removed = await send(context, { manner: 'write', method: 'DELETE', path: `${PATH}/${id}` });
    // One that is gone already is what was wanted.
    if (removed.kind !== 'ok' && !(removed.kind === 'failed' && removed.code === 'http-404')) return removed;
  }
  return ok(undefined);
}

async function registeredAt(context: Context<Settings>, url: string): Promise<Outcome<readonly unknown[]>> {
  const listed = await send(context, { manner: 'read', method: 'GET', path: PATH });
  return listed.kind === 'ok' ? ok(listAt(listed.value.body, 'webhooks').filter((hook) => textAt(hook, 'url') === url)) : listed;
}

async function makeNew(context: Context<Settings>, url: string): Promise<Outcome<RegisteredWebhook>> {
  // Without a key: one that was remembered would bring back a registration that has been deleted since.
  const made = await send(context, { manner: 'write', method: 'POST', path: PATH, body: { url, events: eventsOf(context.settings) } });
  if (made.kind !== 'ok') return made;
  const id = textAt(made.value.body, 'id');
  const secret = textAt(made.value.body, 'secret');
  if (id === undefined || secret === undefined) return unknown('The webhook was registered and its secret could not be read.');
  const before = context.settings.webhookSecret;
  return ok({ providerId: id, secrets: { webhookId: id, webhookSecret: secret, ...(before ? { webhookSecretBefore: before } : {}) } }, id);
}

/** One that cannot be removed is tried again with the next call; it only delivers what the other delivers too. */
async function remove(context: Context<Settings>, id: string | undefined, keptId: string): Promise<void> {
  if (id === undefined || id === keptId || !ID.test(id)) return;
  const removed = await send(context, { manner: 'write', method: 'DELETE', path: `${PATH}/${id}` });
  if (removed.kind !== 'ok') context.log.warn('an old webhook registration could not be removed', { id });
}

function isComplete(hook: unknown, wanted: readonly string[]): boolean {
  const events = listAt(hook, 'events');
  return wanted.every((event) => events.includes(event));
}
