/**
 * Everything that changes, seen by who follows it: the program itself, over HTTP and server-sent events, with lines that break after each
 * message and a program that is started again in the middle.
 */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Api } from '../support/api.ts';
import { LiveLine, type LiveLineOptions } from '../support/live-line.ts';
import { until } from '../support/until.ts';
import { openVippsApp, type VippsApp } from '../support/vipps-app.ts';

// The program is stopped and started again.
jest.setTimeout(90_000);

interface Made {
  readonly id: string;
}

const FLOW = join(import.meta.dirname, 'flows/watched.yaml');
let shop: VippsApp;
let api: Api;
let creditPackage: string;
let keys = 0;
beforeAll(async () => {
  // Its checkout leads to https only.
  shop = await openVippsApp({ KASSAFLOW_PUBLIC_URL: 'https://shop.example' });
  api = new Api(shop.app.url, await shop.key('shop'));
  creditPackage = await offerCredits(api);
  await shop.command('flow', 'publish', FLOW);
}, 120_000);
afterAll(() => shop.close());
const lines: LiveLine[] = [];
afterEach(() => {
  for (const line of lines.splice(0)) line.close();
});

const key = (what: string) => `${what} ${(keys += 1)}`;
const dkk = (amount: string) => ({ amount, currency: 'DKK' });
const line = (path: string, secret: string, options: LiveLineOptions = { breaksAlways: true }) => {
  const opened = new LiveLine(shop.app.url + path, secret, options);
  lines.push(opened);
  return opened;
};
const tokenFor = async (subject: string, by = api) =>
  (await by.post<{ secret: string }>('/v1/stream-tokens', { subjects: [subject] }, key('token'))).secret;
/** Follows one thing with a token for it alone, from its present state on. */
const follow = async (kind: string, path: string, id: string) => {
  const opened = line(`/v1/${path}/${id}/events`, await tokenFor(`${kind}/${id}`));
  await until(
    () => opened.messages.length > 0,
    () => `nothing is said of ${kind}/${id}: ${opened.refused}`,
  );
  return opened;
};
/** What the log has of a subject, from the oldest on. */
const logOf = async (subject: string) => {
  const { items } = await api.get<{ items: { type: string; eventid: string }[] }>(`/v1/events?subject=${subject}&limit=200`);
  return items.toReversed().map(({ type, eventid }) => `${type} ${eventid}`);
};
const shown = async (followed: LiveLine, expected: readonly string[]) => {
  await until(
    () => followed.events.length >= expected.length,
    () => `${JSON.stringify(followed.events)} of ${JSON.stringify(expected)}`,
  );
  expect(followed.events).toEqual(expected);
};
const status = async (path: string) => (await api.get<{ status: string }>(path)).status;
const becomes = (path: string, wanted: string) =>
  until(
    async () => (await status(path)) === wanted,
    () => `${path} never became ${wanted}`,
    30_000,
  );
async function offerCredits(by: Api): Promise<string> {
  return (await by.post<Made>('/v1/credit-packages', { name: '10 credits', credits: 10, price: dkk('80.00'), vatRate: 2_500 })).id;
}
async function ordered(by: Api, item: string): Promise<{ readonly id: string; readonly invoice: string }> {
  const customer = await by.post<Made>('/v1/customers', { name: 'Mette', phone: '+4520123456' });
  return by.post('/v1/orders', { customer: customer.id, package: item }, key('order'));
}

describe('whoever follows', () => {
  test('an order, its invoice, its checkout and its payment gets each of their events once and in order, over breaks and a restart', async () => {
    const order = await ordered(api, creditPackage);
    const wish = { order: order.id, returnUrl: 'https://shop.example/back' };
    const session = await api.post<Made & { clientToken: string }>('/v1/checkout-sessions', wish, key('checkout'));
    const [orderLine, invoiceLine] = [await follow('order', 'orders', order.id), await follow('invoice', 'invoices', order.invoice)];
    const sessionLine = line(`/v1/checkout-sessions/${session.id}/events`, session.clientToken, {});
    const wide = line(`/v1/stream?subject=checkout/${session.id}`, session.clientToken);
    await until(
      () => sessionLine.messages.length > 0 && wide.connections > 0,
      () => 'the session is not shown',
    );
    const before = await Promise.all([`order/${order.id}`, `invoice/${order.invoice}`, `checkout/${session.id}`].map(logOf));

    const { items } = await api.get<{ items: Made[] }>(`/v1/checkout-sessions/${session.id}/methods`);
    const pressed = await api.post<{ payment: string }>(`/v1/checkout-sessions/${session.id}/pay`, { method: items[0]?.id });
    const paymentLine = await follow('payment', 'payments', pressed.payment);
    const paymentBefore = await logOf(`payment/${pressed.payment}`);
    const payment = `/v1/payments/${pressed.payment}`;
    const { providerId } = await api.get<{ providerId: string }>(payment);

    await shop.app.stop();
    await shop.app.start();
    shop.vipps.payments.approve(providerId);
    await api.post(`${payment}/refresh`, {});
    await becomes(payment, 'completed');
    await becomes(`/v1/orders/${order.id}`, 'paid');
    for (const amount of ['40.00', '60.00']) {
      const refund = await api.post<Made>('/v1/refunds', { payment: pressed.payment, amount: dkk(amount), reason: 'cold' }, key('refund'));
      await becomes(`/v1/refunds/${refund.id}`, 'completed');
    }

    const after = async (subject: string, known: readonly string[] = []) => (await logOf(subject)).slice(known.length);
    await shown(orderLine, await after(`order/${order.id}`, before[0]));
    await shown(invoiceLine, await after(`invoice/${order.invoice}`, before[1]));
    await shown(wide, await after(`checkout/${session.id}`, before[2]));
    await shown(paymentLine, await after(`payment/${pressed.payment}`, paymentBefore));
    const types = (followed: LiveLine) => followed.events.map((text) => text.split(' ')[0]?.slice('com.kassaflow.'.length));
    expect([orderLine, invoiceLine, paymentLine].map(types)).toEqual([
      ['order.paid.v1'],
      ['invoice.paid.v1', 'invoice.reopened.v1'],
      ['payment.authorized.v1', 'payment.completed.v1', 'payment.refunded.v1', 'payment.refunded.v1'],
    ]);
    for (const followed of [orderLine, invoiceLine, paymentLine]) {
      expect(followed.messages.filter(({ event }) => event === 'state')).toHaveLength(1);
      // It came back after each message, and after the restart.
      expect(followed.connections).toBeGreaterThan(followed.messages.length);
    }
    expect(sessionLine.messages.at(-1)?.data).toMatchObject({ id: session.id, status: 'completed' });
  });

  test('a payment request sees it approved, or cancelled, whichever came', async () => {
    const settings = Object.entries(shop.vipps.settings).flatMap(([field, value]) => ['--set', `${field}=${value}`]);
    await shop.command('connection', 'add', 'phone', 'vipps-mobilepay', ...settings, '--set', 'features=push');
    const wish = { amount: dkk('25.00'), phone: '+4520123456', description: 'Coffee', connection: 'phone' };
    const ask = () => api.post<Made & { payment: string }>('/v1/payment-requests', wish, key('ask'));
    const [approved, cancelled] = [await ask(), await ask()];
    const seen = [await follow('request', 'payment-requests', approved.id), await follow('request', 'payment-requests', cancelled.id)];
    expect(seen.map(({ messages }) => messages[0])).toMatchObject([
      { event: 'state', data: { request: { id: approved.id, status: 'created' } } },
      { event: 'state', data: { request: { id: cancelled.id, status: 'created' } } },
    ]);
    shop.vipps.payments.approve((await api.get<{ providerId: string }>(`/v1/payments/${approved.payment}`)).providerId);
    await api.post(`/v1/payments/${approved.payment}/refresh`, {});
    await api.post(`/v1/payment-requests/${cancelled.id}/cancel`, {}, key('cancel'));
    await shown(seen[0] as LiveLine, (await logOf(`request/${approved.id}`)).slice(1));
    await shown(seen[1] as LiveLine, (await logOf(`request/${cancelled.id}`)).slice(1));
    expect(seen.map(({ messages }) => messages.at(-1)?.data)).toMatchObject([
      { type: 'com.kassaflow.request.approved.v1', data: { request: { status: 'approved' } } },
      { type: 'com.kassaflow.request.cancelled.v1', data: { request: { status: 'cancelled' } } },
    ]);
  });

  test('a run gets the whole of it when it has changed, and nothing twice after a break or a restart', async () => {
    const run = await begin(api);
    const followed = await follow('run', 'runs', run);
    await until(
      () => followed.messages.at(-1)?.data['run'] !== undefined && statusOf(followed) === 'waiting',
      () => JSON.stringify(followed.messages.at(-1)),
    );
    await shop.app.stop();
    await shop.app.start();
    const told = followed.messages.length;
    const connected = followed.connections;
    await until(
      () => followed.connections > connected,
      () => 'it did not come back',
    );
    expect(followed.messages.slice(told).map(({ id }) => id)).toEqual([]);
    await api.post(`/v1/runs/${run}/resume`, { reason: 'enough' }, key('resume'));
    await until(
      () => statusOf(followed) === 'completed',
      () => JSON.stringify(followed.messages.at(-1)),
    );
    const ids = followed.messages.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('a token', () => {
  test('opens what it is for and nothing else, and what it has opened ends with it', async () => {
    const [mine, other] = [await ordered(api, creditPackage), await ordered(api, creditPackage)];
    const { id, secret } = await api.post<Made & { secret: string }>('/v1/stream-tokens', { subjects: [`order/${mine.id}`] });
    const open = line(`/v1/orders/${mine.id}/events`, secret, {});
    const refused = [`/v1/orders/${other.id}/events`, `/v1/invoices/${mine.invoice}/events`, '/v1/stream?subject=order/*'].map((path) =>
      line(path, secret),
    );
    await until(
      () => open.messages.length > 0 && refused.every((one) => one.refused !== undefined),
      () => `${open.messages.length}, ${refused.map((one) => one.refused).join()}`,
    );
    expect(refused.map((one) => one.refused)).toEqual([403, 403, 403]);
    expect((await api.send('DELETE', `/v1/stream-tokens/${id}`)).status).toBe(200);
    await until(
      () => open.refused === 401,
      () => `it goes on: ${open.comments.join()}`,
    );
    expect(open.comments).toContain('the credential is over');
  });

  test('of test mode sees nothing of live mode nor the reverse, and neither do flows', async () => {
    const { output } = await shop.app.cli(['key', 'create', 'live', '--tenant', 'live-shop', '--live', '--json']);
    const { secret } = JSON.parse(output) as { secret: string };
    const live = new Api(shop.app.url, secret);
    expect((await shop.app.cli(['flow', 'publish', FLOW], { KASSAFLOW_API_KEY: secret })).code).toBe(0);
    const tokens = { test: await tokenFor('order/*'), live: await tokenFor('order/*', live) };
    expect([tokens.test.slice(0, 9), tokens.live.slice(0, 9)]).toEqual(['kfs_test_', 'kfs_live_']);
    const seen = { test: line('/v1/stream', tokens.test), live: line('/v1/stream', tokens.live) };
    await until(
      () => seen.test.connections > 0 && seen.live.connections > 0,
      () => 'nobody was let in',
    );
    const [tried, real] = [await ordered(api, creditPackage), await ordered(live, await offerCredits(live))];
    await until(
      () => seen.test.messages.length > 0 && seen.live.messages.length > 0,
      () => 'nothing was told',
    );
    expect(seen.test.messages.map(({ data }) => data['subject'])).toEqual([`order/${tried.id}`]);
    expect(seen.live.messages.map(({ data }) => data['subject'])).toEqual([`order/${real.id}`]);
    const stranger = line(`/v1/orders/${real.id}/events`, tokens.test);
    const run = await begin(live);
    const strangers = [stranger, line(`/v1/runs/${run}/events`, await tokenFor('run/*'))];
    const own = line(`/v1/runs/${run}/events`, await tokenFor('run/*', live));
    await until(
      () => strangers.every((one) => one.refused !== undefined) && own.messages.length > 0,
      () => `${strangers.map((one) => one.refused).join()}, ${own.messages.length}`,
    );
    expect(strangers.map((one) => one.refused)).toEqual([404, 404]);
    expect((await api.send('GET', `/v1/runs/${run}`)).status).toBe(404);
  });
});

/** Starts a run that waits. @returns its id */
async function begin(by: Api): Promise<string> {
  const known = await runsOf(by);
  const event = {
    specversion: '1.0',
    id: key('begin').replace(' ', '-'),
    source: '/shop',
    type: 'custom.begun',
    subject: '',
    data: { what: 'tea' },
  };
  await by.post('/v1/events', { ...event, subject: undefined });
  let run = '';
  await until(
    async () => (run = (await runsOf(by)).find((id) => !known.includes(id)) ?? '') !== '',
    () => 'no run began',
  );
  return run;
}

async function runsOf(by: Api): Promise<readonly string[]> {
  return (await by.get<{ items: Made[] }>('/v1/runs?flow=watched&limit=100')).items.map(({ id }) => id);
}

function statusOf({ messages }: LiveLine): unknown {
  const run = messages.at(-1)?.data['run'];
  return typeof run === 'object' && run !== null && 'status' in run ? run.status : undefined;
}
