import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { domainWorld, type DomainWorld } from '../../../../test/support/domain.ts';
import type { MandateWish } from './new-mandates.service.ts';

const DAY_MS = 86_400_000;
let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => world.clock.advance(60_000));

const wish = async (more: Partial<MandateWish> = {}): Promise<MandateWish> => ({
  customerId: more.customerId ?? (await world.aCustomer()),
  kind: 'card',
  description: 'Your subscription',
  requestKey: newUuid(),
  actor: 'test',
  ...more,
});
const create = (asked: MandateWish) => world.newMandates.create(world.db.tenantId, asked);
const statusOf = async (id: string) => (await world.mandates.get(world.db.tenantId, uuidOf('man', id))).status;
const signal = (providerId: string) => world.mandates.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId });

/** The customer approves: the step has led to a mandate with an id of its own. */
function approve(id: string, providerId = `mdt_${newUuid()}`): string {
  world.provider.mandates.set(`step_${id}`, { providerId, kind: 'card', state: 'active', label: 'Visa •••• 4242' });
  world.provider.mandates.set(providerId, { providerId, kind: 'card', state: 'active', label: 'Visa •••• 4242' });
  return providerId;
}

describe('a mandate without a payment', () => {
  test('is asked for once for its request, confirmed by the customer, and known by its own id from then on', async () => {
    const asked = await wish();
    const views = await Promise.all([1, 2, 3].map(() => create(asked)));
    expect(new Set(views.map(({ mandate }) => mandate.id)).size).toBe(1);
    const { mandate, next } = await create(asked);
    expect(next).toMatchObject({ kind: 'redirect', url: `https://pay.example/${mandate.id}` });
    expect(mandate).toMatchObject({ status: 'pending', method: 'card' });
    const providerId = approve(mandate.id);
    await signal(`step_${mandate.id}`);
    expect(await create(asked)).toMatchObject({ mandate: { status: 'active', label: 'Visa •••• 4242' }, next: null });
    expect(await world.eventsOf(`mandate/${mandate.id}`)).toEqual(['mandate.created']);

    const invoice = await world.anInvoice('5.00', asked.customerId);
    const request = { invoices: [{ id: invoice }], metadata: {}, requestKey: newUuid(), actor: 'test' };
    const { payment } = await world.charges.charge(world.db.tenantId, request);
    expect(world.provider.charged.get(payment.id)).toMatchObject({ mandate: providerId });
  });

  test('whose provider did not answer is asked for again under the same key by the same request', async () => {
    const asked = await wish();
    world.provider.next('mandates.create', 'carries it out, answers nothing');
    await expect(create(asked)).rejects.toMatchObject({ code: 'mandate.no-answer' });
    expect(await create(asked)).toMatchObject({ mandate: { status: 'pending' }, next: { kind: 'redirect' } });
    const keys = world.provider.calls.filter(({ method }) => method === 'mandates.create').map(({ idempotencyKey }) => idempotencyKey);
    expect(keys.at(-1)).toBe(keys.at(-2));
  });

  test('that the provider refuses is over, and cannot be charged', async () => {
    const asked = await wish();
    world.provider.next('mandates.create', 'refuses');
    await expect(create(asked)).rejects.toMatchObject({ code: 'mandate.refused' });
    const [mandate] = await world.mandates.list(world.db.tenantId, { limit: 1, customer: asked.customerId });
    expect(mandate).toMatchObject({ status: 'expired' });
  });

  test('that was signalled by the payment through which the provider makes it is asked about', async () => {
    const { mandate } = await create(await wish());
    approve(mandate.id);
    // As a webhook that has only the id of the step, before its answer was recorded, and with our own reference.
    await world.mandates.applyProviderEvent(world.db.tenantId, world.connectionId, {
      providerId: `step_${mandate.id}`,
      reference: mandate.id,
    });
    expect(await statusOf(mandate.id)).toBe('active');
  });

  test('that nobody tells of is asked about, and lapses after a week when nobody confirms it', async () => {
    const [quiet, never] = [await create(await wish()), await create(await wish())];
    approve(quiet.mandate.id);
    await world.lapser.askPending();
    expect(await statusOf(quiet.mandate.id)).toBe('active');
    expect(await statusOf(never.mandate.id)).toBe('pending');
    world.clock.advance(8 * DAY_MS);
    await world.lapser.lapseDue();
    expect(await statusOf(never.mandate.id)).toBe('expired');
  });

  test('that turns out to be the one that the customer gave before leaves that in place', async () => {
    const first = await wish();
    const one = await create(first);
    const providerId = approve(one.mandate.id);
    await signal(`step_${one.mandate.id}`);
    const other = await create(await wish({ customerId: first.customerId }));
    approve(other.mandate.id, providerId);
    await signal(`step_${other.mandate.id}`);
    expect([await statusOf(one.mandate.id), await statusOf(other.mandate.id)]).toEqual(['active', 'expired']);
  });

  test('is refused where no provider makes mandates, and for a customer of another tenant', async () => {
    world.provider.missing.add('mandates.create');
    await expect(create(await wish())).rejects.toMatchObject({ code: 'mandate.no-connection' });
    world.provider.missing.delete('mandates.create');
    await expect(create(await wish({ customerId: newUuid() }))).rejects.toMatchObject({ code: 'customer.not-found' });
  });
});

describe('a direct debit', () => {
  const announce = (invoiceId: string, more = {}) =>
    world.notices.announce(world.db.tenantId, { invoiceId, requestKey: newUuid(), actor: 'test', ...more });

  async function debtor() {
    const asked = await wish({ kind: 'sepa-debit' });
    const { mandate } = await create(asked);
    const facts = { providerId: `mdt_${newUuid()}`, kind: 'sepa-debit', state: 'active' } as const;
    world.provider.mandates.set(`step_${mandate.id}`, facts).set(facts.providerId, facts);
    await signal(`step_${mandate.id}`);
    return { mandate, invoice: await world.anInvoice('30.00', asked.customerId), customer: asked.customerId };
  }

  test('is announced fourteen days before it is due, once for its request, and told to flows', async () => {
    const { mandate, invoice } = await debtor();
    const requestKey = newUuid();
    const notice = await announce(invoice, { requestKey });
    expect(await announce(invoice, { requestKey })).toEqual(notice);
    const days = (Date.parse(notice.dueOn) - world.clock.now().getTime()) / DAY_MS;
    expect(days).toBeGreaterThan(13);
    expect(notice.submitOn < notice.dueOn).toBe(true);
    expect(await world.eventsOf(`mandate/${mandate.id}`)).toEqual(['mandate.created', 'mandate.pre-notification-due']);
    await expect(announce(invoice, { dueOn: notice.submitOn })).rejects.toMatchObject({ code: 'mandate.due-on' });
  });

  test('that was not announced is refused where the policy says so, and made on the day announced', async () => {
    const { invoice } = await debtor();
    await world.db.ownerPool.query(
      `insert into dunning_policy (tenant_id, card_days, debit_days, quiet_from, quiet_until, notice_days, notice_required, link_days, creditor_id, updated_at)
       values ($1, '{1}', '{7}', 22, 8, 2, true, 45, '', now())`,
      [world.db.tenantId],
    );
    const charge = (dueOn?: string) =>
      world.charges.charge(world.db.tenantId, {
        invoices: [{ id: invoice }],
        metadata: {},
        requestKey: newUuid(),
        actor: 'test',
        ...(dueOn !== undefined && { dueOn }),
      });
    await expect(charge()).rejects.toMatchObject({ code: 'mandate.not-announced' });
    const { dueOn } = await announce(invoice);
    const { payment } = await charge(dueOn);
    expect(world.provider.charged.get(payment.id)).toMatchObject({ dueOn });
    await world.db.ownerPool.query('delete from dunning_policy where tenant_id = $1', [world.db.tenantId]);
  });

  test('cannot be due on a day on which banks are closed, nor today', async () => {
    const { invoice } = await debtor();
    const charge = (dueOn: string) =>
      world.charges.charge(world.db.tenantId, { invoices: [{ id: invoice }], metadata: {}, requestKey: newUuid(), actor: 'test', dueOn });
    await expect(charge('2026-12-25')).rejects.toMatchObject({ code: 'mandate.due-on' });
    await expect(charge(world.clock.now().toISOString().slice(0, 10))).rejects.toMatchObject({ code: 'mandate.due-on' });
  });
});
