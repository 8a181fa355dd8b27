/** A large refund with the program itself: asked for with one key, approved with another, by the flow that comes with Kassaflow. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { openVippsApp, type VippsApp } from '../support/vipps-app.ts';

interface Task {
  readonly id: string;
  readonly title: string;
  readonly status: string;
}

let shop: VippsApp;
let support: Api;
let kim: Api;
beforeAll(async () => {
  shop = await openVippsApp();
  support = new Api(shop.app.url, await shop.key('support'));
  kim = new Api(shop.app.url, await shop.key('kim'));
  await shop.command('flow', 'publish', join(import.meta.dirname, '../../flows/refund-approval.yaml'));
}, STORY_MS);
afterAll(() => shop.close());

const dkk = (amount: string) => ({ amount, currency: 'DKK' });
/** A payment of 400 kroner that is done, and a refund of it that waits. */
async function asked(reason: string): Promise<{ readonly refund: string; readonly providerId: string }> {
  const wish = { amount: dkk('400.00'), description: reason, returnUrl: 'https://shop.example/back' };
  const { id, providerId } = await support.post<{ id: string; providerId: string }>('/v1/payments', wish, `pay ${reason}`);
  shop.vipps.payments.approve(providerId);
  await support.post(`/v1/payments/${id}/refresh`, {});
  const body = { payment: id, amount: dkk('300.00'), reason, awaitApproval: true };
  const { id: refund } = await support.post<{ id: string }>('/v1/refunds', body, `refund ${reason}`);
  return { refund, providerId };
}
const statusOf = async (refund: string) => (await support.get<{ status: string }>(`/v1/refunds/${refund}`)).status;
/** The open question whose text has all of the words. */
async function question(...words: readonly string[]): Promise<string> {
  const find = async () =>
    (await support.get<{ items: Task[] }>('/v1/tasks?status=open')).items.find((task) =>
      words.every((word) => JSON.stringify(task).includes(word)),
    );
  await until(
    async () => (await find()) !== undefined,
    () => `nobody was asked about ${words.join(', ')}`,
    SOON_MS,
  );
  return (await find())?.id ?? '';
}

describe('a refund above the limit', () => {
  test(
    'goes out when somebody else approves, and not when who asked does',
    async () => {
      const { refund, providerId } = await asked('two coffees too many');
      await support.post(`/v1/tasks/${await question('two coffees too many')}/answer`, { choice: 'approve' });
      const again = await question('two coffees too many', 'Somebody else than');
      expect([await statusOf(refund), shop.vipps.payments.get(providerId).refunded]).toEqual(['requested', 0]);
      await kim.post(`/v1/tasks/${again}/answer`, { choice: 'approve' });
      await until(
        async () => (await statusOf(refund)) === 'completed',
        () => 'the refund was not made',
        SOON_MS,
      );
      expect(shop.vipps.payments.get(providerId).refunded).toBe(30_000);
    },
    STORY_MS,
  );

  test(
    'is called off when somebody says no',
    async () => {
      const { refund, providerId } = await asked('a change of mind');
      await kim.post(`/v1/tasks/${await question('a change of mind')}/answer`, { choice: 'reject', note: 'too late' });
      await until(
        async () => (await statusOf(refund)) === 'cancelled',
        () => 'the refund still waits',
        SOON_MS,
      );
      expect(shop.vipps.payments.get(providerId).refunded).toBe(0);
    },
    STORY_MS,
  );
});
