/** kill -9 around a capture that we make by ourselves: the money that the customer approved is taken, once. src/domain/payments/captures. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { Api } from '../support/api.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { openVippsApp, type VippsApp } from '../support/vipps-app.ts';

const POINTS: readonly CrashPoint[] = ['capture.begun.after', 'capture.settled.before'];

interface Payment {
  readonly id: string;
  readonly status: string;
  readonly providerId: string;
  readonly captured: { readonly amount: string };
}

let shop: VippsApp;
let api: Api;
beforeAll(async () => {
  shop = await openVippsApp();
  api = new Api(shop.app.url, await shop.key('till'), SOON_MS);
}, STORY_MS);
afterAll(() => shop.close());

test.each(POINTS)(
  'at %s is survived',
  async (point) => {
    const { app, vipps } = shop;
    app.dieAt(point);
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
      SOON_MS,
    );
    expect((await payment()).captured.amount).toBe('125.00');
    expect(vipps.payments.get(providerId)).toMatchObject({ captured: 12_500, cancelled: 0 });
  },
  STORY_MS,
);
