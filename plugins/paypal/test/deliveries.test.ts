import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { until } from '../../../test/support/until.ts';
import { webhook } from '../src/webhook.ts';
import { capture, contextOf, create, fetched, valueOf } from './local-paypal.ts';

const HOUR_MS = 3_600_000;

/** Our door, as PayPal sees it: every delivery that came, and what it is answered. */
let door: Server;
let came: RawWebhook[];
let answer: number;
let paypal: PaypalServer;
let webhookId: string;

beforeEach(async () => {
  came = [];
  answer = 200;
  door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, value ?? '']));
      came.push({ method: 'POST', url: '', headers, body: Buffer.concat(chunks), receivedAt: paypal.clock.now() });
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  paypal = await startPaypalServer();
  const url = `https://127.0.0.1:${(door.address() as AddressInfo).port}/webhooks/paypal/con_1`;
  webhookId = valueOf(await webhook.register!(contextOf(paypal), { url })).secrets?.['webhookId'] ?? '';
});

afterEach(async () => {
  await paypal.close();
  await new Promise((resolve) => door.close(resolve));
});

async function eventIds(): Promise<readonly string[]> {
  const context = contextOf(paypal, { settings: { webhookId, webhookCertificates: paypal.webhooks.certificate() } });
  const verdicts = await Promise.all(came.map(async (delivery) => webhook.verify(context, delivery)));
  return verdicts.map((verdict) => (verdict.ok ? verdict.eventId : verdict.reason));
}

describe('deliveries over the wire', () => {
  test('arrive with a signature that holds for the bytes that arrived', async () => {
    paypal.orders.approve((await create(paypal)).providerId);
    await until(
      () => came.length === 1,
      () => `${came.length} deliveries came`,
    );
    expect(await eventIds()).toEqual([expect.stringMatching(/^WH-/)]);
  });

  test('pitfall 2: the news comes before the answer, and names our payment', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.webhooksFirst = true;
    let cameFirst = false;
    const answered = capture(paypal, providerId).then(() => (cameFirst = came.length >= 2));
    await answered;
    expect(cameFirst).toBe(true);
    expect(await webhook.translate(contextOf(paypal), came.at(-1)!)).toMatchObject([{ kind: 'payment', providerId, reference: 'pay_01' }]);
  });

  test('are repeated while they are refused: 25 times over three days, each the same event', async () => {
    answer = 401;
    paypal.orders.approve((await create(paypal)).providerId);
    for (let hour = 0; hour < 100; hour += 1) {
      await paypal.webhooks.idle();
      paypal.clock.advance(HOUR_MS);
    }
    await paypal.webhooks.idle();
    expect(paypal.webhooks.sent[0]).toMatchObject({ state: 'given-up', attempts: 25 });
    expect(new Set(await eventIds()).size).toBe(1);
    expect(came).toHaveLength(25);
  });

  test('stop when one was taken', async () => {
    answer = 503;
    paypal.orders.approve((await create(paypal)).providerId);
    await until(
      () => came.length === 1,
      () => `${came.length} deliveries came`,
    );
    await paypal.webhooks.idle();
    answer = 204;
    paypal.clock.advance(2 * HOUR_MS);
    await paypal.webhooks.idle();
    paypal.clock.advance(72 * HOUR_MS);
    await paypal.webhooks.idle();
    expect(came).toHaveLength(2);
    expect(paypal.webhooks.sent[0]).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  test('pitfall 1: out of order they end in the same facts', async () => {
    paypal.faults.add({ match: 'webhook CHECKOUT.ORDER.APPROVED', action: 'reorder' });
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    valueOf(await capture(paypal, providerId));
    await until(
      () => came.length === 2,
      () => `${came.length} deliveries came`,
    );
    const types = came.map(({ body }) => /"event_type":"([^"]+)"/.exec(Buffer.from(body).toString('utf8'))?.[1]);
    expect(new Set(types)).toEqual(new Set(['CHECKOUT.ORDER.APPROVED', 'PAYMENT.CAPTURE.COMPLETED']));
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1250 });
  });
});
