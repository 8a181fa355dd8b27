import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { payerAt } from '../../../test/support/payer.ts';
import { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import type { HousekeepingTask } from '../../platform/housekeeping/task.ts';
import { checkoutRetention, requestRetention } from './checkout-retention.ts';
import { EndOverdue } from './end-overdue.ts';

const DAY = 86_400_000;

let http: DomainApp;
let owner: OwnerSession;
beforeAll(async () => {
  http = await domainApp();
  owner = await OwnerSession.open(http.db.address);
  http.provider.offers = [{ id: 'app', title: 'App', flows: ['redirect', 'push'] }];
});
afterAll(async () => {
  await owner.close();
  await http.close();
});

const { made, page, press, last } = payerAt(() => http);
/** Keeps house `days` from the real now, which is what ids are made of. */
const keepHouse = async (task: HousekeepingTask, days: number) => {
  const chores = await task.plan(owner, new Date(Date.now() + days * DAY));
  for (const chore of chores) await chore.do(owner);
  return chores.map(({ what }) => what);
};

test('sessions and requests that have ended go with what was tried in them, open ones and payments stay', async () => {
  const [paid, open] = [await made({ expiresInMinutes: 43_200 }), await made({ expiresInMinutes: 43_200 })];
  await press(paid.path, { method: 'pay.app' });
  http.provider.report(last(), { captured: 5445, started: true });
  http.clock.advance(1_000);
  await page(`${paid.path}/return`);
  await http.send('POST', '/v1/payment-requests', {
    amount: { amount: '1.00', currency: 'EUR' },
    phone: '+4520123456',
    expiresInMinutes: 5,
  });
  http.clock.advance(6 * 60_000);
  await http.app.get(EndOverdue).endDue();

  expect(await keepHouse(checkoutRetention(400), 399)).toEqual([]);
  expect(await keepHouse(checkoutRetention(400), 401)).toEqual(['delete 1 checkout sessions that have ended']);
  expect(await keepHouse(requestRetention(400), 401)).toEqual(['delete 1 payment requests that have ended']);
  expect([(await page(paid.path)).status, (await page(open.path)).status]).toEqual([404, 200]);
  const { rows } = await http.db.ownerPool.query('select count(*)::int as payments from payment');
  expect(rows).toEqual([{ payments: 2 }]);
});
