/** kill -9 between taking a question about an open payment and asking it: the question is not lost. src/domain/payments/payment-checks.ts. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { EMBEDDED_DATABASE } from '../../src/platform/database/embedded/embedded-database.ts';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { Api } from '../support/api.ts';
import { until } from '../support/until.ts';
import { openVippsApp, type VippsApp } from '../support/vipps-app.ts';

let shop: VippsApp;
let api: Api;
beforeAll(async () => {
  shop = await openVippsApp();
  api = new Api(shop.app.url, await shop.key('till'), 60_000);
}, 120_000);
afterAll(() => shop.close());

/** Asks the app's own PostgreSQL, as its owner. */
async function ask<T extends pg.QueryResultRow>(sql: string): Promise<T[]> {
  const host = readPostmaster(join(shop.app.folder, 'data/postgres'))?.socketDirectory;
  if (host === undefined) throw new Error('The PostgreSQL of the app does not run');
  const client = new pg.Client({ host, port: 5432, user: 'postgres', database: EMBEDDED_DATABASE });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

const MAKE_DUE = 'update payment_check set next_at = clock_timestamp()';
const LEFT = `select next_at <= clock_timestamp() + interval '1 minute' as soon, next_at = claimed_until as claimed from payment_check`;

test('at payment.check.after is survived', async () => {
  const { app, vipps } = shop;
  const wish = { amount: { amount: '125.00', currency: 'DKK' }, description: 'Coffee', returnUrl: 'https://shop.example/back' };
  const { id, providerId } = await api.post<{ id: string; providerId: string }>('/v1/payments', wish, 'coffee');
  await app.kill();
  await app.start({ KASSAFLOW_CRASH_AT: 'payment.check.after' });
  // Nobody tells: the customer approves, and the webhook is lost. An hour passes.
  vipps.payments.approve(providerId);
  await ask(`update payment_check set since = since - interval '1 hour', next_at = clock_timestamp()`);
  await app.died();
  await app.start();
  expect(await ask(LEFT)).toEqual([{ soon: true, claimed: true }]);
  // The minute of the dead process passes.
  await ask(MAKE_DUE);
  await until(
    async () => (await api.get<{ status: string }>(`/v1/payments/${id}`)).status === 'completed',
    () => 'the question was lost',
    60_000,
  );
}, 180_000);
