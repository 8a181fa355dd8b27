import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ok } from '@kassaflow/plugin-sdk';
import { ImportSettlements } from './import-settlements.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { TranslateInbox } from '../../webhooks/translate-inbox.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { aLine } from '../../../test/support/settled.ts';

let shop: DomainApp;
beforeAll(async () => {
  shop = await domainApp();
  shop.clock.advance(86_400_000);
  shop.provider.settled = () =>
    ok({
      lines: [
        aLine({ providerId: 'cost', kind: 'fee', fee: '0.3509', payout: 'po_1' }),
        aLine({ providerId: 'rest', kind: 'adjustment', gross: '0.0009', payout: 'po_1' }),
        aLine({ providerId: 'po_1', kind: 'payout', gross: '0.35', payout: 'po_1' }),
      ],
    });
});
afterAll(() => shop.close());

test('over HTTP days are imported by hand, and a settlement is read with its lines page by page', async () => {
  const wish = { connection: 'pay', from: '2026-11-20' };
  const asked = await shop.send('POST', '/v1/settlements/import', wish, { 'idempotency-key': 'import-1' });
  expect(asked).toMatchObject({
    status: 202,
    body: { status: 'waiting', origin: 'hand', from: '2026-11-20', to: '2026-11-20', problem: null },
  });
  expect((await shop.send('POST', '/v1/settlements/import', wish, { 'idempotency-key': 'import-1' })).body).toEqual(asked.body);
  await shop.app.get(ImportSettlements).importDue();
  const id = String(asked.body['id']);
  expect((await shop.send('GET', `/v1/settlements/imports/${id}`)).body).toMatchObject({ id, status: 'done', lines: 3, nextAt: null });
  expect((await shop.send('GET', '/v1/settlements/imports?connection=pay')).body).toMatchObject({ items: [{ id }], nextCursor: null });

  const { body } = await shop.send('GET', '/v1/settlements?status=paid&kind=payout&connection=pay');
  const [settlement] = body['items'] as { id: string }[];
  expect(settlement).toMatchObject({
    status: 'paid',
    providerId: 'po_1',
    amount: { amount: '-0.35', currency: 'EUR' },
    fees: { amount: '0.35' },
    lines: 3,
  });
  expect((await shop.send('GET', `/v1/settlements/${settlement!.id}`)).body).toEqual(settlement);
  const first = await shop.send('GET', `/v1/settlements/${settlement!.id}/lines?limit=2`);
  expect(first.body['items']).toMatchObject([
    { providerId: 'cost', fee: '0.3509', net: '-0.3509', payment: null },
    { providerId: 'rest', gross: '0.0009' },
  ]);
  const rest = await shop.send('GET', `/v1/settlements/${settlement!.id}/lines?limit=2&cursor=${String(first.body['nextCursor'])}`);
  expect(rest.body).toMatchObject({ items: [{ providerId: 'po_1', ledgerDate: '2026-11-20' }], nextCursor: null });
});

test.each([
  ['GET', '/v1/settlements/set_01jd3k4m5n6p7q8r9s0t1v2w46', undefined, 404, 'settlement.not-found'],
  ['GET', '/v1/settlements/imports/imp_01jd3k4m5n6p7q8r9s0t1v2w46', undefined, 404, 'settlement.no-import'],
  ['GET', '/v1/settlements?connection=none', undefined, 422, 'settlement.connection'],
  ['POST', '/v1/settlements/import', { connection: 'none', from: '2026-11-20' }, 422, 'settlement.connection'],
  ['POST', '/v1/settlements/import', { connection: 'pay', from: '2026-12-20' }, 422, 'settlement.days'],
  ['POST', '/v1/settlements/import', { connection: 'pay', from: 'yesterday' }, 422, 'request.format'],
] as const)('%s %s %j is answered %i %s', async (method, path, body, status, code) => {
  expect(await shop.send(method, path, body)).toMatchObject({ status, body: { code } });
});

test('webhooks about payouts have settlements read a minute later, once', async () => {
  for (const id of ['evt_1', 'evt_2']) {
    const signals = [
      { kind: 'settlement', type: 'payout.paid', providerId: 'po_1' },
      { kind: 'settlement', type: 'payout.reconciliation_completed', providerId: 'po_1' },
    ];
    expect((await shop.deliver(JSON.stringify({ id, signals }))).status).toBe(200);
  }
  while ((await shop.app.get(TranslateInbox).translateDue()) > 0);
  const signalled = async () =>
    ((await shop.send('GET', '/v1/settlements/imports')).body['items'] as { origin: string }[]).filter(({ origin }) => origin === 'signal');
  expect(await signalled()).toMatchObject([{ status: 'waiting', from: '2026-11-15', to: '2026-11-21' }]);
  shop.clock.advance(60_000);
  await shop.app.get(ImportSettlements).importDue();
  expect(await signalled()).toMatchObject([{ status: 'done', lines: 3 }]);
  const { rows } = await shop.db.ownerPool.query('select distinct state from inbox');
  expect(rows).toEqual([{ state: 'applied' }]);
});

test('the numbers for operators count what is not right', async () => {
  const { registry } = shop.app.get(Metrics);
  const text = await registry.metrics();
  expect(text).toContain('kassaflow_settlements_unbalanced 0');
  expect(text).toContain('kassaflow_settlement_imports_failed 0');
});
