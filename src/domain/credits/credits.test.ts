import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import type { ActionCall } from '../../plugin-host/action-call.ts';
import type { CreditChange } from './credits.service.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());

const change = (customerId: string, kind: CreditChange['kind'], units: number, key = newUuid()) =>
  world.credits.change(world.db.tenantId, { customerId, kind, units, reason: '', key });
const balance = async (customerId: string) => (await world.credits.account(world.db.tenantId, customerId)).balance;
const call = (action: string, input: Record<string, unknown>, idempotencyKey = newUuid()): ActionCall => ({
  tenantId: world.db.tenantId,
  action,
  input,
  idempotencyKey,
  attempt: 1,
  runId: 'run',
  step: 'step',
  timeoutMs: 15_000,
});
const run = (action: string, input: Record<string, unknown>, key?: string) =>
  world.actions.find(action)!.run(call(action, input, key), AbortSignal.timeout(15_000));

describe('a credit account', () => {
  test('K19 is never below zero when 64 take from it at once', async () => {
    const customer = await world.aCustomer();
    await change(customer, 'grant', 100);
    const results = await Promise.allSettled(Array.from({ length: 64 }, () => change(customer, 'use', 3)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(33);
    expect(new Set(results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : [])))).toEqual(
      new Set(['credit.insufficient']),
    );
    expect(await balance(customer)).toBe(1);
    const entries = await world.credits.entries(world.db.tenantId, customer, { limit: 200 });
    expect(entries.reduce((sum, { units }) => sum + units, 0n)).toBe(1n);
  });

  test('is changed once per key, also when the same comes 20 times at once; another content is refused', async () => {
    const customer = await world.aCustomer();
    const key = newUuid();
    const entries = await Promise.all(Array.from({ length: 20 }, () => change(customer, 'grant', 5, key)));
    expect(new Set(entries.map(({ id }) => id)).size).toBe(1);
    expect(await balance(customer)).toBe(5);
    await expect(change(customer, 'grant', 6, key)).rejects.toMatchObject({ code: 'credit.key-reused' });
    await expect(change(await world.aCustomer(), 'grant', 5, key)).rejects.toMatchObject({ code: 'credit.key-reused' });
  });

  test('says that it is low once each time the balance falls below the threshold', async () => {
    const customer = await world.aCustomer();
    await world.credits.warnBelow(world.db.tenantId, customer, 10);
    for (const [kind, units] of [
      ['grant', 12],
      ['use', 2],
      ['use', 1],
      ['use', 1],
      ['grant', 5],
      ['use', 5],
    ] as const)
      await change(customer, kind, units);
    const events = (await world.eventsOf(`customer/${idOf('cus', customer)}`)).filter((type) => type.startsWith('credit.'));
    expect(events).toEqual([
      'credit.added',
      'credit.used',
      'credit.used',
      'credit.low',
      'credit.used',
      'credit.added',
      'credit.used',
      'credit.low',
    ]);
  });
});

describe('the actions credit.add and credit.take', () => {
  test('change the account once per step, and decline what is not there', async () => {
    const customer = idOf('cus', await world.aCustomer());
    const added = await run('credit.add', { customer, credits: 7 }, 'step-1');
    expect(added).toMatchObject({ kind: 'ok', value: { balance: 7 } });
    expect(await run('credit.add', { customer, credits: 7 }, 'step-1')).toEqual(added);
    expect(await run('credit.take', { customer, credits: 8 })).toMatchObject({ kind: 'declined', code: 'credit.insufficient' });
    expect(await run('credit.take', { customer, credits: 7 })).toMatchObject({ kind: 'ok', value: { balance: 0 } });
    expect(await run('credit.add', { customer: 'cus_nobody', credits: 1 })).toMatchObject({ kind: 'failed', reason: 'input' });
  });
});

describe('credits whose money was taken back', () => {
  const clawBack = (customer: string, policy: string, credits: number, key?: string) =>
    run('credit.claw-back', { customer: idOf('cus', customer), credits, policy }, key);

  test.each([
    ['never', 20, 0, 20],
    ['to-zero', 20, 20, 0],
    ['to-zero', 80, 50, 30],
    ['negative', 20, 50, -30],
    ['negative', 80, 50, 30],
  ])('are taken back by the policy %s: of %i that are left, %i', async (policy, left, taken, balanceAfter) => {
    const customer = await world.aCustomer();
    await change(customer, 'grant', left);
    expect(await clawBack(customer, policy, 50)).toMatchObject({ kind: 'ok', value: { taken, balance: balanceAfter } });
    expect(await balance(customer)).toBe(balanceAfter);
  });

  test('below zero nothing can be used, a grant makes it good first, and no other change goes there', async () => {
    const customer = await world.aCustomer();
    await change(customer, 'grant', 20);
    await clawBack(customer, 'negative', 50);
    for (const kind of ['use', 'correction'] as const)
      await expect(change(customer, kind, 1)).rejects.toMatchObject({ code: 'credit.insufficient' });
    await change(customer, 'grant', 10);
    expect(await balance(customer)).toBe(-20);
    await change(customer, 'grant', 25);
    await expect(change(customer, 'use', 6)).rejects.toMatchObject({ code: 'credit.insufficient' });
    await change(customer, 'use', 5);
    await expect(
      world.db.ownerPool.query('update credit_account set balance = -1 where customer_id = $1', [customer]),
    ).rejects.toMatchObject({ constraint: 'credit_account_balance_check' });
    const events = await world.eventsOf(`customer/${idOf('cus', customer)}`);
    expect(events.filter((type) => type.startsWith('credit.'))).toEqual([
      'credit.added',
      'credit.clawed-back',
      'credit.added',
      'credit.added',
      'credit.used',
    ]);
  });

  test('are taken back once, also when the first time found none', async () => {
    const customer = await world.aCustomer();
    const first = await clawBack(customer, 'to-zero', 50, 'claw-1');
    await change(customer, 'grant', 100);
    expect(await clawBack(customer, 'to-zero', 50, 'claw-1')).toEqual(first);
    expect(await balance(customer)).toBe(100);
  });
});

describe('an order of credits', () => {
  test('is made once with its issued invoice, and is paid in the transaction in which the invoice is', async () => {
    const customerId = await world.aCustomer();
    const pack = await world.packages.create(world.db.tenantId, { name: '100 credits', credits: 100, price: eur('50.00'), vatRate: 2100 });
    const wish = { customerId, packageId: pack.id, quantity: 2, requestKey: newUuid() };
    const [order, again] = [await world.orders.create(world.db.tenantId, wish), await world.orders.create(world.db.tenantId, wish)];
    expect(again).toEqual(order);
    expect(order).toMatchObject({ status: 'created', credits: 200, total: { amount: '121.00' } });
    const { payment } = await world.pay(uuidOf('inv', order.invoice));
    world.provider.report(payment.providerId, { captured: 12_100 });
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
    expect(await world.orders.get(world.db.tenantId, uuidOf('ord', order.id))).toMatchObject({ status: 'paid' });
    expect(await world.eventsOf(`order/${order.id}`)).toEqual(['order.created', 'order.paid']);
    const { rows } = await world.db.ownerPool.query(`select data from event where type = 'payment.completed' and subject = $1`, [
      `payment/${payment.id}`,
    ]);
    expect(rows[0].data).toMatchObject({
      order: { id: order.id, credits: 200, status: 'paid' },
      invoice: { id: order.invoice, status: 'paid' },
      customer: { phone: '+31612345678' },
    });
  });

  test('falls with its invoice', async () => {
    const pack = await world.packages.create(world.db.tenantId, { name: '10 credits', credits: 10, price: eur('5.00'), vatRate: 0 });
    const order = await world.orders.create(world.db.tenantId, {
      customerId: await world.aCustomer(),
      packageId: pack.id,
      quantity: 1,
      requestKey: newUuid(),
    });
    await world.invoices.cancel(world.db.tenantId, uuidOf('inv', order.invoice), 'test');
    expect(await world.eventsOf(`order/${order.id}`)).toEqual(['order.created', 'order.cancelled']);
  });
});

describe('the action accounting.post', () => {
  test('posts what our ledger has for a payment, balanced, and finds it again by our reference', async () => {
    const { payment } = await world.pay(await world.anInvoice('60.50'));
    const wish = { payment: payment.id };
    expect(await run('accounting.post', wish)).toMatchObject({ kind: 'declined', code: 'accounting.nothing-to-post' });
    world.provider.report(payment.providerId, { captured: 6050, fee: 29 });
    world.clock.advance(1_000);
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
    expect(await run('accounting.post', wish)).toMatchObject({ kind: 'ok', value: { number: '17' } });
    const posting = world.provider.postings.get(payment.id);
    expect(posting).toMatchObject({ journal: 'bank', date: '2026-11-20' });
    expect(
      posting?.lines.map(({ account, debit, credit }) => [account.replace(/:[0-9a-f-]{36}$/, ''), debit?.amount, credit?.amount]),
    ).toEqual([
      ['asset:clearing', '60.21', undefined],
      ['asset:receivable', undefined, '60.50'],
      ['expense:fees', '0.29', undefined],
    ]);
    expect(await world.actions.find('accounting.post')!.lookup!(call('accounting.post', wish), AbortSignal.timeout(1_000))).toMatchObject({
      kind: 'ok',
      value: { entry: 'entry-1' },
    });
  });

  test('is about one thing', async () => {
    expect(await run('accounting.post', {})).toMatchObject({ kind: 'failed', reason: 'input', code: 'accounting.one-subject' });
  });
});
