/**
 * kill -9 while a webhook is registered, and between two connections of which one takes a payment over from the other:
 * src/plugin-host/connections/README.md and src/domain/payments/failover.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { startVippsServer, type VippsServer } from '../providers/vipps-server.ts';
import { signedHeaders } from '../providers/vipps-webhooks.ts';

const PUBLIC_URL = 'https://shop.example';
const TENANT = 'test';

interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly webhook: { readonly status: string; readonly url: string };
}
interface PaymentView {
  readonly id: string;
  readonly status: string;
  readonly attempts: readonly { readonly connection: string; readonly status: string }[];
}

let vipps: VippsServer;
let app: AppProcess;
let api: Api;
let key: string;

beforeAll(async () => {
  vipps = await startVippsServer();
  app = await AppProcess.prepare({
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_PUBLIC_URL: PUBLIC_URL,
    // Nobody is at Mollie's address: its calls surely do nothing.
    KASSAFLOW_EGRESS_MAP: `https://apitest.vipps.no=${vipps.url},https://api.mollie.com=http://127.0.0.1:9`,
  });
  await app.start();
  const { output } = await app.cli(['key', 'create', 'test', '--tenant', TENANT, '--json']);
  ({ secret: key } = JSON.parse(output) as { secret: string });
  api = new Api(app.url, key, SOON_MS);
}, STORY_MS);
afterAll(async () => {
  await app.dispose();
  await vipps.close();
});

const connections = async () => (await api.get<{ items: ConnectionView[] }>('/v1/connections')).items;
const hooksAt = (url: string) => vipps.webhooks.list().filter((hook) => hook['url'] === url);

/** What the door answers to a delivery that the registration with this id would send. */
async function deliver(url: string, hook: string): Promise<number> {
  const body = JSON.stringify({ msn: '123456', reference: 'acme-1', pspReference: hook, name: 'CREATED' });
  const { host: _host, ...headers } = signedHeaders(url, body, vipps.webhooks.secretOf(hook), Date.now());
  return (await fetch(url.replace(PUBLIC_URL, app.url), { method: 'POST', headers, body })).status;
}

test.each<CrashPoint>(['connection.webhook.before', 'connection.webhook.after'])(
  'at %s leaves no registration that nobody can verify',
  async (point) => {
    const name = point.replaceAll('.', '-');
    app.dieAt(point);
    const asked = api.send('POST', '/v1/connections', { name, plugin: 'vipps-mobilepay', settings: vipps.settings });
    await Promise.all([expect(asked).rejects.toThrow(), app.died()]);
    await app.start();
    const found = async () => (await connections()).find((one) => one.name === name);
    await until(
      async () => (await found())?.webhook.status === 'registered',
      () => 'the webhook was not registered after the death',
      SOON_MS,
    );
    const { id, webhook } = (await found())!;
    const lost = hooksAt(webhook.url).length - 1;
    expect(lost).toBe(point === 'connection.webhook.before' ? 1 : 0);
    expect(await deliver(webhook.url, String(hooksAt(webhook.url).at(-1)?.['id']))).toBe(200);
    await api.post(`/v1/connections/${id}/webhook`, {});
    const left = hooksAt(webhook.url);
    expect(left).toHaveLength(1);
    expect(await deliver(webhook.url, String(left[0]?.['id']))).toBe(200);
  },
  STORY_MS,
);

test(
  'between two connections leaves one payment, at the one that took it over',
  async () => {
    await api.post('/v1/connections', { name: 'gone', plugin: 'mollie', settings: { apiKey: 'test_nobodyhere1' } });
    await api.post('/v1/connections', { name: 'works', plugin: 'vipps-mobilepay', settings: vipps.settings });
    await app.cli(['route', 'set', 'gone', 'works'], { KASSAFLOW_API_KEY: key });
    app.dieAt('payment.failover.after');
    const wish = { amount: { amount: '125.00', currency: 'DKK' }, returnUrl: `${PUBLIC_URL}/back`, description: 'Tea' };
    const asked = api.post<PaymentView>('/v1/payments', wish, 'tea-1');
    await app.died();
    await app.start();
    const { id } = await asked;
    const payment = () => api.get<PaymentView>(`/v1/payments/${id}`);
    await until(
      async () => (await payment()).attempts.at(-1)?.status === 'done',
      () => 'the payment was not opened after the death',
      SOON_MS,
    );
    expect((await payment()).attempts).toMatchObject([
      { connection: 'gone', status: 'failed' },
      { connection: 'works', status: 'done' },
    ]);
    const made = vipps.log.all().filter(({ operation, executed }) => operation.startsWith('POST /epayment/v1/payments') && executed);
    expect(made).toHaveLength(1);
  },
  STORY_MS,
);
