import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { startMollieServer, type MollieServer } from '../../../test/providers/mollie-server.ts';
import { startStripeServer, type StripeServer } from '../../../test/providers/stripe-server.ts';
import { stripeSignature } from '../../../test/providers/stripe-webhooks.ts';
import { startVippsServer, type VippsServer } from '../../../test/providers/vipps-server.ts';
import { signedHeaders } from '../../../test/providers/vipps-webhooks.ts';
import { until } from '../../../test/support/until.ts';
import { newId, uuidOf } from '../../kernel/ids.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { Sealer } from '../../platform/secrets/sealer.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { PluginCatalogue } from '../plugin-catalogue.ts';
import { ProviderCalls, type WebhookConnection } from '../provider-calls.ts';
import { ConnectionNews } from './connection-news.ts';
import { ConnectionUses } from './connection-uses.ts';
import type { ConnectionView } from './connection-view.ts';
import { connectionsApp, type ConnectionsApp } from './connections.test-support.ts';
import { Connections } from './connections.ts';
import { LookAfterConnections } from './look-after-connections.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OLD_SECRET = 'whsec_old_old_old_old_old_old';
const NEW_SECRET = 'whsec_new_new_new_new_new_new';

let at: ConnectionsApp;
let vipps: VippsServer;
let mollie: MollieServer;
let stripe: StripeServer;
let calls: ProviderCalls;
let lookAfter: LookAfterConnections;
let names = 0;

beforeAll(async () => {
  [vipps, mollie, stripe] = await Promise.all([startVippsServer(), startMollieServer(), startStripeServer()]);
  at = await connectionsApp(['vipps-mobilepay', 'mollie', 'stripe'], {
    'https://apitest.vipps.no': vipps.url,
    'https://api.vipps.no': 'http://127.0.0.1:9',
    'https://api.mollie.com': mollie.url,
    'https://api.stripe.com': stripe.url,
  });
  calls = at.app.get(ProviderCalls);
  lookAfter = at.app.get(LookAfterConnections);
}, 120_000);
afterAll(async () => {
  await at.close();
  await Promise.all([vipps.close(), mollie.close(), stripe.close()]);
});
beforeEach(() => {
  at.lines.length = 0;
});

const add = async (plugin: string, settings: object): Promise<ConnectionView> => {
  const { status, body } = await at.send('POST', '/v1/connections', { name: `shop-${(names += 1)}`, plugin, settings });
  expect(status).toBe(201);
  return body;
};
const get = async ({ id }: { id: string }) => (await at.send('GET', `/v1/connections/${id}`)).body;
const look = ({ id }: { id: string }) => lookAfter.look(at.db.tenantId, uuidOf('con', id));
/** A call that finds nothing and needs good credentials. */
const findPayment = ({ id }: ConnectionView) =>
  calls.call({
    tenantId: at.db.tenantId,
    connectionId: uuidOf('con', id),
    method: 'payments.find',
    input: { reference: newId('pay'), notBefore: 0 },
    idempotencyKey: '',
    attempt: 1,
    timeoutMs: 10_000,
  });
const door = ({ id, plugin }: ConnectionView): WebhookConnection => ({
  tenantId: at.db.tenantId,
  connectionId: uuidOf('con', id),
  plugin,
  mode: 'test',
});
const healthOf = async ({ id }: { id: string }) =>
  (await at.db.ownerPool.query('select * from connection_health where connection_id = $1', [uuidOf('con', id)])).rows[0];

/** A delivery of the Vipps server for a registration, or one that is signed with `secret`. */
function vippsDelivery(url: string, secret: string): RawWebhook {
  const body = JSON.stringify({ msn: '123456', reference: 'acme-1', pspReference: `psp-${Math.random()}`, name: 'CREATED' });
  return {
    method: 'POST',
    url,
    headers: signedHeaders(url, body, secret, vipps.clock.now()),
    body: Buffer.from(body),
    receivedAt: vipps.clock.now(),
  };
}
function stripeDelivery(url: string, secret: string, livemode = false): RawWebhook {
  const receivedAt = Date.now();
  const event = { id: `evt_${Math.random()}`, type: 'charge.updated', created: 1, livemode, data: { object: { id: 'ch_1' } } };
  const body = JSON.stringify(event);
  return {
    method: 'POST',
    url,
    headers: { 'stripe-signature': stripeSignature(body, [secret], receivedAt) },
    body: Buffer.from(body),
    receivedAt,
  };
}
const hooksAt = (url: string | null) => vipps.webhooks.list().filter((hook) => hook['url'] === url);
const idAt = (url: string | null) => String(hooksAt(url).at(-1)?.['id']);

describe('pitfall 23: the registration of a webhook', () => {
  test('is made when the connection is made, under the configured address, and its secret is sealed', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    expect(made).toMatchObject({
      status: 'active',
      lastCheck: { ok: true, account: 'MSN 123456' },
      webhook: { status: 'registered', url: `https://kassaflow.example/webhooks/vipps-mobilepay/${made.id}`, problem: null },
    });
    expect(hooksAt(made.webhook.url)).toHaveLength(1);
    const secret = vipps.webhooks.secretOf(idAt(made.webhook.url));
    expect(await calls.verify(door(made), vippsDelivery(made.webhook.url ?? '', secret))).toMatchObject({ ok: true });
    expect(await calls.verify(door(made), vippsDelivery(made.webhook.url ?? '', 'another'))).toMatchObject({ ok: false });
    const { rows } = await at.db.ownerPool.query('select * from audit_entry');
    const { rows: stored } = await at.db.ownerPool.query('select settings, last_check from connection');
    for (const place of [JSON.stringify([rows, stored, await get(made)]), at.lines.join('\n')]) {
      expect(place).not.toContain(secret);
      expect(place).not.toContain(vipps.settings.clientSecret);
    }
    expect(rows).toContainEqual(expect.objectContaining({ action: 'connection.webhook', actor: 'system' }));
  });

  test('that the provider deleted is made again the next day; the secret before it counts too, and what it replaced goes', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const url = made.webhook.url ?? '';
    const first = idAt(url);
    const firstSecret = vipps.webhooks.secretOf(first);
    vipps.webhooks.remove(first);
    at.clock.advance(2 * HOUR_MS); // the look after a new registration
    await lookAfter.lookAtDue();
    const second = idAt(url);
    expect(second).not.toBe(first);
    for (const secret of [firstSecret, vipps.webhooks.secretOf(second)])
      expect(await calls.verify(door(made), vippsDelivery(url, secret))).toMatchObject({ ok: true });
    at.clock.advance(2 * HOUR_MS);
    await lookAfter.lookAtDue();
    expect(hooksAt(url).map(({ id }) => id)).toEqual([second]);
    const { due_at: dueAt } = await healthOf(made);
    expect((dueAt.getTime() - at.clock.now().getTime()) / DAY_MS).toBeGreaterThan(0.9);
  });

  test('whose secret was lost, because the process died with the answer in hand, is replaced: nobody else can verify it', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const url = made.webhook.url ?? '';
    vipps.webhooks.remove(idAt(url));
    const death = jest.spyOn(at.app.get(Connections), 'keepGiven').mockRejectedValueOnce(new Error('killed'));
    await expect(look(made)).rejects.toThrow('killed');
    expect(death).toHaveBeenCalledTimes(1);
    death.mockRestore();
    const lost = idAt(url);
    expect(await look(made)).toBe(false); // its lease
    at.clock.advance(6_000);
    expect(await look(made)).toBe(true);
    at.clock.advance(2 * HOUR_MS);
    expect(await look(made)).toBe(true);
    const ids = hooksAt(url).map(({ id }) => String(id));
    expect(ids).toHaveLength(1);
    expect(ids).not.toContain(lost);
    expect(await calls.verify(door(made), vippsDelivery(url, vipps.webhooks.secretOf(ids[0] ?? '')))).toMatchObject({ ok: true });
  });

  test('is looked at by one process at a time', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    vipps.webhooks.remove(idAt(made.webhook.url));
    expect((await Promise.all([look(made), look(made), look(made)])).filter(Boolean)).toHaveLength(1);
    expect(hooksAt(made.webhook.url)).toHaveLength(1);
  });

  test('is looked at soon when deliveries stop to verify, and no more than once in a quarter of an hour', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const url = made.webhook.url ?? '';
    at.clock.advance(16 * 60_000);
    expect(await calls.verify(door(made), vippsDelivery(url, 'another'))).toMatchObject({ ok: false, reason: 'signature-mismatch' });
    await until(
      async () => (await healthOf(made)).due_at <= at.clock.now(),
      () => 'no look is asked for',
    );
    expect((await get(made)).webhook.lastRefusal).toMatchObject({ reason: 'signature-mismatch' });
    await lookAfter.lookAtDue();
    const { due_at: dueAt } = await healthOf(made);
    at.clock.advance(61_000);
    await calls.verify(door(made), vippsDelivery(url, 'another'));
    await until(
      async () => (await healthOf(made)).refused_at.getTime() > at.clock.now().getTime() - 30_000,
      () => 'the refusal is not noted',
    );
    expect((await healthOf(made)).due_at).toEqual(dueAt);
  });

  test('stays what it was while the provider cannot be asked, and is tried again with growing pauses', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    vipps.faults.add({ match: 'GET', times: 20, action: '500-before' });
    at.clock.advance(DAY_MS * 2);
    await look(made);
    vipps.faults.clear();
    const shown = await get(made);
    expect(shown).toMatchObject({ status: 'active', webhook: { status: 'registered', problem: expect.any(String) } });
    expect((await healthOf(made)).failures).toBe(1);
    expect(((await healthOf(made)).due_at.getTime() - at.clock.now().getTime()) / 60_000).toBeLessThan(1.1);
  });

  test('follows the configured address', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    at.config.publicUrl = 'https://pay.example';
    await lookAfter.lookAtDue();
    at.config.publicUrl = 'https://kassaflow.example';
    expect((await healthOf(made)).webhook_url).toBe(`https://pay.example/webhooks/vipps-mobilepay/${made.id}`);
    expect(hooksAt(`https://pay.example/webhooks/vipps-mobilepay/${made.id}`)).toHaveLength(1);
    await lookAfter.lookAtDue();
    expect((await get(made)).webhook).toMatchObject({ status: 'registered', url: made.webhook.url });
  });

  test('is made on demand, and anew on demand; a refusal is shown and not thrown', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const first = idAt(made.webhook.url);
    expect(await at.send('POST', `/v1/connections/${made.id}/webhook`, {})).toMatchObject({
      status: 200,
      body: { webhook: { status: 'registered' } },
    });
    expect(hooksAt(made.webhook.url).map(({ id }) => id)).toEqual([first]);
    await at.send('POST', `/v1/connections/${made.id}/webhook`, { renew: true });
    expect(hooksAt(made.webhook.url)).toHaveLength(2);
    vipps.gate.withoutProducts.push('/webhooks');
    const { body } = await at.send('POST', `/v1/connections/${made.id}/webhook`, {});
    vipps.gate.withoutProducts.length = 0;
    expect(body.webhook.problem).toEqual(expect.any(String));
  });

  test('of Mollie that is blocked after ten refusals is made anew', async () => {
    const made = await add('mollie', { apiKey: mollie.apiKey, organizationToken: mollie.organizationToken });
    expect(made.webhook).toMatchObject({ status: 'registered' });
    const hook = mollie.webhooks.hooks.find(({ url }) => url === made.webhook.url);
    hook!.status = 'blocked';
    await look(made);
    const enabled = mollie.webhooks.hooks.filter(({ url, status }) => url === made.webhook.url && status === 'enabled');
    expect(enabled).toHaveLength(1);
    for (const secret of [hook!.secret, enabled[0]!.secret]) {
      const body = JSON.stringify({ resource: 'event', id: `event_${secret}`, type: 'payment.paid', entityId: 'tr_1' });
      const headers = { 'x-mollie-signature': mollie.webhooks.signature({ ...hook!, secret }, body) };
      const delivery = { method: 'POST', url: made.webhook.url ?? '', headers, body: Buffer.from(body), receivedAt: Date.now() };
      expect(await calls.verify(door(made), delivery)).toMatchObject({ ok: true });
    }
  });
});

describe('pitfall 21: rotating credentials', () => {
  const rotate = (made: ConnectionView, settings: object, overlapHours?: number) =>
    at.send('POST', `/v1/connections/${made.id}/rotate`, { settings, ...(overlapHours !== undefined && { overlapHours }) });
  const account = () => ({ secretKey: stripe.apiKey, webhookSecrets: [OLD_SECRET] });

  test('lets deliveries in that either secret signed, until the overlap is over', async () => {
    const made = await add('stripe', account());
    const url = made.webhook.url ?? '';
    const verified = async (secret: string) => (await calls.verify(door(made), stripeDelivery(url, secret))).ok;
    const { status, body } = await rotate(made, { webhookSecrets: [NEW_SECRET] }, 24);
    expect([status, body.status]).toEqual([200, 'active']);
    expect([await verified(OLD_SECRET), await verified(NEW_SECRET), await verified('whsec_x')]).toEqual([true, true, false]);
    at.clock.advance(25 * HOUR_MS);
    expect([await verified(OLD_SECRET), await verified(NEW_SECRET)]).toEqual([false, true]);
    await lookAfter.lookAtDue();
    const { rows } = await at.db.ownerPool.query('select previous_settings from connection where id = $1', [uuidOf('con', made.id)]);
    expect(rows).toEqual([{ previous_settings: null }]);
    const audit = await at.db.ownerPool.query(`select actor, detail from audit_entry where action = 'connection.rotate'`);
    expect(audit.rows[0]).toMatchObject({ actor: expect.stringMatching(/^key\//), detail: { changed: ['webhookSecrets'] } });
    for (const place of [JSON.stringify(audit.rows), at.lines.join('\n'), JSON.stringify(await get(made))])
      for (const secret of [OLD_SECRET, NEW_SECRET, stripe.apiKey]) expect(place).not.toContain(secret);
  });

  test('of a Mollie webhook whose secret was rolled in the dashboard loses nothing, before, in and after the day of two signatures', async () => {
    const made = await add('mollie', { apiKey: mollie.apiKey, organizationToken: mollie.organizationToken });
    const hook = mollie.webhooks.hooks.find(({ url, status }) => url === made.webhook.url && status === 'enabled')!;
    const verified = async (body: string, signature: string) => {
      const delivery = {
        method: 'POST',
        url: hook.url,
        headers: { 'x-mollie-signature': signature },
        body: Buffer.from(body),
        receivedAt: Date.now(),
      };
      return (await calls.verify(door(made), delivery)).ok;
    };
    const event = (id: string) => JSON.stringify({ resource: 'event', id: `event_${id}`, type: 'payment.paid', entityId: 'tr_1' });
    const late = mollie.webhooks.signature(hook, event('late'));
    const webhookSecret = mollie.webhooks.rollSecret(hook.id);
    const both = mollie.webhooks.signature(hook, event('both'));
    expect(await verified(event('both'), both)).toBe(true);
    expect((await rotate(made, { webhookSecret }, 48)).status).toBe(200);
    expect([await verified(event('late'), late), await verified(event('both'), both)]).toEqual([true, true]);
    const alone = mollie.webhooks.signature({ ...hook, previous: { secret: '', until: 0 } }, event('alone'));
    expect(await verified(event('alone'), alone)).toBe(true);
    at.clock.advance(49 * HOUR_MS);
    expect([await verified(event('late'), late), await verified(event('alone'), alone)]).toEqual([false, true]);
    // The registration is still the one whose secret we have: nothing is made anew.
    await look(made);
    expect((await get(made)).webhook.status).toBe('registered');
    expect(mollie.webhooks.hook(hook.id).status).toBe('enabled');
  });

  test('counts at once in a process that has the connection in memory, although another process stored the new secret', async () => {
    const made = await add('stripe', account());
    const url = made.webhook.url ?? '';
    expect((await calls.verify(door(made), stripeDelivery(url, OLD_SECRET))).ok).toBe(true);
    const other = new Connections(
      at.db.database,
      at.app.get(Sealer),
      at.app.get(PluginCatalogue),
      at.app.get(Audit),
      at.app.get(Metrics),
      new ConnectionUses(),
      new ConnectionNews(),
    );
    await other.update(at.db.tenantId, uuidOf('con', made.id), { settings: { webhookSecrets: [NEW_SECRET] } }, 'test');
    // Well before the two seconds after which what is in memory is read again anyway.
    await until(
      async () => (await calls.verify(door(made), stripeDelivery(url, NEW_SECRET))).ok,
      () => 'the new secret is not known',
      1_500,
    );
  });

  test('without an overlap forgets what others know at once', async () => {
    const made = await add('stripe', account());
    await rotate(made, { webhookSecrets: [NEW_SECRET] }, 0);
    expect(await calls.verify(door(made), stripeDelivery(made.webhook.url ?? '', OLD_SECRET))).toMatchObject({ ok: false });
  });

  test('to what the provider refuses, or to another account, changes nothing', async () => {
    const made = await add('stripe', account());
    const refused = await rotate(made, { secretKey: 'sk_test_nobody12345' });
    expect(refused).toMatchObject({ status: 422, body: { code: 'connection.refused', errors: [{ pointer: '/settings/secretKey' }] } });
    expect(refused.text).not.toContain('sk_test_nobody');
    const live = await rotate(made, { secretKey: 'sk_live_localserver' });
    expect(live).toMatchObject({ status: 422, body: { code: 'connection.refused' } });
    await at.db.ownerPool.query(
      `update connection set last_check = '{"ok": true, "account": "acct_other", "at": ""}', version = version + 1 where id = $1`,
      [uuidOf('con', made.id)],
    );
    expect(await rotate(made, account())).toMatchObject({ status: 409, body: { code: 'connection.other-account' } });
    expect(await calls.verify(door(made), stripeDelivery(made.webhook.url ?? '', OLD_SECRET))).toMatchObject({ ok: true });
  });

  test('while the provider is away changes nothing and says so', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    vipps.faults.add({ match: 'GET', times: 20, action: '500-before' });
    expect(await rotate(made, { subscriptionKey: vipps.settings.subscriptionKey })).toMatchObject({
      status: 503,
      body: { code: 'connection.not-tried' },
    });
    vipps.faults.clear();
  });

  test('goes on with the old key when the new one is refused after all, says so once, and pauses when that is over too', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const before = vipps.gate.keys;
    vipps.gate.keys = { ...before, clientSecret: 'the-new-client-secret' };
    expect(await rotate(made, { clientSecret: 'the-new-client-secret' }, 24)).toMatchObject({ status: 200 });
    vipps.gate.keys = { ...before, clientSecret: before.clientSecret };
    vipps.gate.forgetTokens();
    const fetch = () => findPayment(made);
    for (const _ of [1, 2]) expect(await fetch()).toMatchObject({ kind: 'ok' });
    expect(await get(made)).toMatchObject({
      status: 'active',
      lastCheck: { ok: false, message: expect.stringContaining('previous ones are used') },
    });
    expect(at.lines.filter((line) => line.includes('new credentials of a connection are refused'))).toHaveLength(1);
    at.clock.advance(25 * HOUR_MS);
    expect(await fetch()).toMatchObject({ kind: 'failed', reason: 'auth' });
    expect(await get(made)).toMatchObject({ status: 'paused' });
    vipps.gate.keys = before;
  });

  test('tells of each pause once, however many calls are refused, and of each way out of it', async () => {
    const turns: string[] = [];
    const made = await add('vipps-mobilepay', vipps.settings);
    at.app.get(ConnectionNews).whenTurned(async (_, { connection, kind, problem }) => {
      if (connection.name === made.name) turns.push(`${kind}${problem.includes(vipps.gate.keys.clientSecret) ? ' with a secret' : ''}`);
    });
    const before = vipps.gate.keys;
    const refuse = () => {
      vipps.gate.keys = { ...before, clientSecret: 'somebody-changed-it' };
      vipps.gate.forgetTokens();
    };
    const check = () => at.send('POST', `/v1/connections/${made.id}/check`);
    const fetch = () => findPayment(made);
    refuse();
    await Promise.all(Array.from({ length: 5 }, fetch));
    await check();
    expect(turns).toEqual(['paused']);
    vipps.gate.keys = before;
    await check();
    await check();
    expect(turns).toEqual(['paused', 'recovered']);
    refuse();
    await check();
    expect(await rotate(made, { clientSecret: 'somebody-changed-it' }, 0)).toMatchObject({ status: 200 });
    expect(turns).toEqual(['paused', 'recovered', 'paused', 'recovered']);
    vipps.gate.keys = before;
    vipps.gate.forgetTokens();
    await fetch();
    // Well again, and nobody waits for the next look.
    vipps.gate.keys = { ...before, clientSecret: 'somebody-changed-it' };
    await at.send('PATCH', `/v1/connections/${made.id}`, { status: 'active' });
    expect(turns.slice(4)).toEqual(['paused', 'recovered']);
    await at.send('PATCH', `/v1/connections/${made.id}`, { status: 'disabled' });
    await at.send('PATCH', `/v1/connections/${made.id}`, { status: 'active' });
    expect(turns).toHaveLength(6);
    vipps.gate.keys = before;
    vipps.gate.forgetTokens();
  });
});

describe('pitfall 25: test and live', () => {
  test('a live key in a test connection is refused at once, and the connection makes no call', async () => {
    const made = await add('stripe', { secretKey: 'sk_live_localserver' });
    expect(made).toMatchObject({ mode: 'test', status: 'paused', lastCheck: { ok: false } });
  });

  test('an event of the other mode, or of another shop, is refused although it is signed', async () => {
    const made = await add('stripe', { secretKey: stripe.apiKey, webhookSecrets: [OLD_SECRET] });
    const live = stripeDelivery(made.webhook.url ?? '', OLD_SECRET, true);
    expect(await calls.verify(door(made), live)).toEqual({ ok: false, reason: 'mode-mismatch' });
  });

  test('a connection or key of the other mode cannot even be written', async () => {
    const write = at.db.ownerPool.query(
      `insert into connection (id, tenant_id, name, plugin, mode, settings, secrets) values (gen_random_uuid(), $1, 'live', 'stripe', 'live', '{}', '')`,
      [at.db.tenantId],
    );
    await expect(write).rejects.toThrow('connection_mode');
    await expect(at.db.ownerPool.query(`update api_key set mode = 'live'`)).rejects.toThrow('api_key_mode');
    await expect(at.db.ownerPool.query(`update tenant set mode = 'live'`)).rejects.toThrow(/_mode/);
  });
});

describe('a connection that is removed', () => {
  test('takes its credentials along, leaves its row and its name, and hears no webhooks', async () => {
    const endpoints = stripe.webhooks.endpoints.size;
    const made = await add('stripe', { secretKey: stripe.apiKey, webhookSecrets: [OLD_SECRET] });
    expect((await at.send('DELETE', `/v1/connections/${made.id}`)).status).toBe(204);
    expect((await at.send('GET', `/v1/connections/${made.id}`)).body).toMatchObject({ code: 'connection.unknown' });
    expect(await calls.findWebhookConnection('stripe', uuidOf('con', made.id))).toBeUndefined();
    await lookAfter.lookAtDue();
    const { rows } = await at.db.ownerPool.query('select state, settings from connection where id = $1', [uuidOf('con', made.id)]);
    expect(rows).toEqual([{ state: 'removed', settings: {} }]);
    expect(stripe.webhooks.endpoints.size).toBe(endpoints);
    const again = await at.send('POST', '/v1/connections', { name: made.name, plugin: 'stripe', settings: { secretKey: stripe.apiKey } });
    expect(again.status).toBe(201);
  });

  const registeredAt = (url: string | null | undefined) =>
    vipps.webhooks.list().filter((one) => JSON.stringify(one).includes(url ?? 'no address')).length;
  const lying = async (id: string) =>
    (
      await at.db.ownerPool.query<{ settings: object; healths: number }>(
        `select settings, (select count(*)::int from connection_health where connection_id = c.id) as healths from connection c where id = $1`,
        [uuidOf('con', id)],
      )
    ).rows[0];
  const forgotten = async (name: string) =>
    (
      await at.db.ownerPool.query(`select detail from audit_entry where action = 'connection.forget' and subject = $1`, [
        `connection/${name}`,
      ])
    ).rows;

  test('takes its webhook back at the provider, without anybody waiting for that', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    const { url } = made.webhook;
    expect(registeredAt(url)).toBe(1);
    expect((await at.send('DELETE', `/v1/connections/${made.id}`)).status).toBe(204);
    expect(registeredAt(url)).toBe(1);
    expect((await at.send('GET', `/v1/connections/${made.id}`)).status).toBe(404);
    await lookAfter.lookAtDue();
    expect(registeredAt(url)).toBe(0);
    expect(await lying(made.id)).toEqual({ settings: {}, healths: 0 });
    expect(await forgotten(made.name)).toEqual([{ detail: { webhook: 'gone' } }]);
  });

  test('tries again while the provider is away, and after a death with the answer in hand', async () => {
    const made = await add('vipps-mobilepay', vipps.settings);
    vipps.faults.add({ match: 'webhooks', times: 20, action: '500-before' });
    await at.send('DELETE', `/v1/connections/${made.id}`);
    await lookAfter.lookAtDue();
    expect(registeredAt(made.webhook.url)).toBe(1);
    expect(await lying(made.id)).toMatchObject({ healths: 1 });
    vipps.faults.clear();
    const dies = jest.spyOn(at.app.get(Connections), 'forgetRemoved').mockRejectedValueOnce(new Error('killed'));
    at.clock.advance(2 * 60_000);
    await lookAfter.lookAtDue();
    expect(registeredAt(made.webhook.url)).toBe(0);
    expect(await lying(made.id)).toMatchObject({ healths: 1 });
    dies.mockRestore();
    at.clock.advance(10 * 60_000);
    await lookAfter.lookAtDue();
    expect(await lying(made.id)).toEqual({ settings: {}, healths: 0 });
  });

  test('leaves it there after three days, or when the provider refuses, and says so; the credentials go in any case', async () => {
    const [away, refused] = [await add('vipps-mobilepay', vipps.settings), await add('vipps-mobilepay', vipps.settings)];
    for (const { id } of [away, refused]) await at.send('DELETE', `/v1/connections/${id}`);
    vipps.faults.add({ match: 'webhooks', times: 200, action: '500-before' });
    await lookAfter.lookAtDue();
    expect([await lying(away.id), await lying(refused.id)]).toMatchObject([{ healths: 1 }, { healths: 1 }]);
    for (const minutes of [1, 5, 30, 120, 1_440, 1_440]) {
      at.clock.advance(minutes * 60_000 + 1_000);
      await lookAfter.lookAtDue();
    }
    expect(await lying(away.id)).toMatchObject({ healths: 1 });
    at.clock.advance(DAY_MS + 1_000);
    await lookAfter.lookAtDue();
    vipps.faults.clear();
    for (const { id, name } of [away, refused]) {
      expect(await lying(id)).toEqual({ settings: {}, healths: 0 });
      expect(await forgotten(name)).toEqual([{ detail: { webhook: 'left' } }]);
    }
    expect(at.lines.filter((line) => line.includes('stays at the provider'))).toHaveLength(2);
    const locked = await add('vipps-mobilepay', vipps.settings);
    await at.send('DELETE', `/v1/connections/${locked.id}`);
    const before = vipps.gate.keys;
    vipps.gate.keys = { ...before, clientSecret: 'another' };
    vipps.gate.forgetTokens();
    await lookAfter.lookAtDue();
    vipps.gate.keys = before;
    vipps.gate.forgetTokens();
    expect(await forgotten(locked.name)).toEqual([{ detail: { webhook: 'left' } }]);
  });

  test('is refused while something needs it', async () => {
    const made = await add('stripe', { secretKey: stripe.apiKey });
    at.app.get(ConnectionUses).offer(async (_, id) => (id === uuidOf('con', made.id) ? '2 open payments' : undefined));
    const refused = await at.send('DELETE', `/v1/connections/${made.id}`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'connection.in-use' } });
    expect(refused.text).toContain('2 open payments');
    expect((await get(made)).status).toBe('active');
  });
});
