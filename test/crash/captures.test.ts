/** kill -9 around a capture that we make by ourselves: the money that the customer approved is taken, once. src/domain/payments/captures. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { startVippsServer, type VippsServer } from '../providers/vipps-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { until } from '../support/until.ts';

const POINTS: readonly CrashPoint[] = ['capture.begun.after', 'capture.settled.before'];

interface Payment {
  readonly id: string;
  readonly status: string;
  readonly providerId: string;
  readonly captured: { readonly amount: string };
}

let vipps: VippsServer;
let app: AppProcess;
let api: Api;
beforeAll(async () => {
  vipps = await startVippsServer();
  app = await AppProcess.prepare({
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_EGRESS_MAP: `https://apitest.vipps.no=${vipps.url}`,
  });
  await app.start();
  const { output } = await app.cli(['key', 'create', 'test', '--tenant', 'test', '--json']);
  const { secret } = JSON.parse(output) as { secret: string };
  api = new Api(app.url, secret, 60_000);
  const set = Object.entries(vipps.settings).flatMap(([field, value]) => ['--set', `${field}=${value}`]);
  const added = await app.cli(['connection', 'add', 'wallet', 'vipps-mobilepay', ...set, '--json'], { KASSAFLOW_API_KEY: secret });
  if (added.code !== 0) throw new Error(added.output);
}, 120_000);
afterAll(async () => {
  await app.dispose();
  await vipps.close();
});

test.each(POINTS)(
  'at %s is survived',
  async (point) => {
    await app.kill();
    await app.start({ KASSAFLOW_CRASH_AT: point });
    const wish = { amount: { amount: '125.00', currency: 'DKK' }, description: 'Coffee', returnUrl: 'https://shop.example/back' };
    const { id, providerId } = await api.post<Payment>('/v1/payments', wish, point);
    vipps.payments.approve(providerId);
    // The process dies while it answers; a careful client asks again.
    const asked = api.post(`/v1/payments/${id}/refresh`, {}).catch(() => undefined);
    await app.died();
    await app.start();
    await asked;
    const payment = () => api.get<Payment>(`/v1/payments/${id}`);
    await until(
      async () => (await payment()).status === 'completed',
      () => 'the capture was lost',
      60_000,
    );
    expect((await payment()).captured.amount).toBe('125.00');
    expect(vipps.payments.get(providerId)).toMatchObject({ captured: 12_500, cancelled: 0 });
  },
  120_000,
);
