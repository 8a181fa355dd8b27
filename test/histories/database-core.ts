/** Our side as it is: the services of `src/domain` on PostgreSQL, with invoices, ledger, attempts and events. */
import type { Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { SECOND_FETCH_AFTER_MS } from '../../src/domain/payments/payment-change.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { isKassaflowError } from '../../src/kernel/errors.ts';
import { newUuid, uuidOf } from '../../src/kernel/ids.ts';
import { parseMoney, type Money } from '../../src/kernel/money.ts';
import { roomOf } from '../../src/domain/invoices/index.ts';
import { LEASE_MS } from '../../src/platform/lease.ts';
import { Died, DeskCalls } from '../desks/desk-calls.ts';
import type { Desk, Posted, SettledDays } from '../desks/desk.ts';
import { domainWorldWith } from '../support/domain.ts';
import { settledWorld } from '../support/settled.ts';
import type { Books, Core, Settled } from './core.ts';
import type { Trouble } from './history.ts';
import { strike } from './trouble.ts';

export type DeskWorld = Awaited<ReturnType<typeof openDeskWorld>>;

/** The domain on a fresh database with the real plugin at this desk, by the desk's clock. */
export async function openDeskWorld(desk: Desk) {
  const clock: Clock = { now: () => new Date(desk.now()), elapsed: () => desk.now() };
  const world = await domainWorldWith(clock, new DeskCalls(desk));
  return { ...world, settled: settledWorld(world) };
}

const BACK_OFF_MS = [1, 5, 30, 120].map((minutes) => minutes * 60_000);

interface Owner {
  readonly payment: string;
}

export class DatabaseCore implements Core {
  readonly #world: DeskWorld;
  readonly #customer: string;
  #invoices: readonly string[] = [];
  reference = '';
  payment = '';
  #kept: Outcome<PaymentFacts> | undefined;

  static async begin(world: DeskWorld): Promise<DatabaseCore> {
    return new DatabaseCore(world, await world.aCustomer());
  }

  private constructor(world: DeskWorld, customer: string) {
    this.#world = world;
    this.#customer = customer;
  }

  async open(invoices: readonly number[], manual: boolean, trouble: Trouble): Promise<void> {
    const { payments, db, provider } = this.#world;
    for (const amount of invoices) this.#invoices = [...this.#invoices, await this.#invoice(amount)];
    const requestKey = newUuid();
    const { flow } = provider.desk.order;
    const wish = this.#world.wish({
      invoices: this.#invoices.map((id) => ({ id })),
      requestKey,
      capture: manual ? 'manual' : 'automatic',
      ...(flow && { flow }),
    });
    await this.#withTrouble(trouble, async () => void (await payments.create(db.tenantId, wish)));
    const view = await payments.ofRequest(db.tenantId, requestKey);
    if (!view) throw new Error('the payment was not written down');
    this.reference = view.payment.id;
    this.payment = view.payment.providerId;
  }

  capture(amount: number, trouble: Trouble): Promise<boolean> {
    const { authorizations, db } = this.#world;
    return this.#change('capture', trouble, (wish) => authorizations.capture(db.tenantId, { ...wish, amount: this.#money(amount) }));
  }

  cancel(trouble: Trouble): Promise<boolean> {
    const { authorizations, db } = this.#world;
    return this.#change('cancel', trouble, (wish) => authorizations.cancel(db.tenantId, wish));
  }

  async refund(amount: number, trouble: Trouble): Promise<boolean> {
    const { refunds, db } = this.#world;
    const requestKey = newUuid();
    const wish = {
      paymentId: this.#id,
      amount: this.#money(amount),
      reason: '',
      credits: 0,
      awaitApproval: false,
      requestKey,
      actor: 'test',
    };
    await this.#withTrouble(trouble, async () => void (await refunds.request(db.tenantId, wish)));
    const { rows } = await db.ownerPool.query<{ state: string }>('select state from refund where request_key = $1', [requestKey]);
    return rows[0] !== undefined && rows[0].state !== 'failed';
  }

  async payElsewhere(invoice: number, amount: number): Promise<number> {
    const { db, invoices } = this.#world;
    return db.database.transact(db.tenantId, async (tx) => {
      const [row] = await invoices.lock(tx, [this.#invoices[invoice] ?? '']);
      if (!row) return 0;
      const paid = Math.min(amount, Number(roomOf(row).minor));
      if (paid > 0) await invoices.cover(tx, row, this.#money(paid));
      return paid;
    });
  }

  async look(): Promise<void> {
    if (this.payment !== '') await this.#world.payments.refresh(this.#world.db.tenantId, this.#id);
  }

  async keepLook(): Promise<void> {
    if (this.payment === '') return;
    const { provider, db, connectionId } = this.#world;
    const { tenantId } = db;
    const ask = { tenantId, connectionId, method: 'payments.fetch', input: { providerId: this.payment }, idempotencyKey: '' } as const;
    this.#kept = await provider.call<PaymentFacts>({ ...ask, attempt: 1, timeoutMs: 15_000 });
  }

  /** As from another process, whose answer was long on its way. */
  async applyKept(): Promise<void> {
    if (this.#kept) await this.#hear(this.#kept);
  }

  async laggingLook(): Promise<void> {
    const { desk } = this.#world.provider;
    if (this.#kept?.kind === 'ok') await this.#hear({ ...this.#kept, value: { ...this.#kept.value, fetchStartedAt: desk.now() } });
  }

  async deliver(posted: Posted): Promise<void> {
    const { payments, provider, db, connectionId } = this.#world;
    for (const signal of await provider.signalsIn(posted)) await payments.applyProviderEvent(db.tenantId, connectionId, signal);
  }

  async settle({ from, to }: SettledDays): Promise<Settled> {
    const { db, settled } = this.#world;
    const { state } = await settled.importDays(from, to);
    if (state !== 'done') throw new Error(`the settlements of ${from} to ${to} were not read: ${state}`);
    const { rows } = await db.ownerPool.query<Settled>(SETTLED, [this.#id]);
    return rows[0] ?? { gross: 0, fees: 0, unexplained: 0 };
  }

  async close(): Promise<Books> {
    const { db, provider } = this.#world;
    const { rows } = await db.ownerPool.query<{ doubted: boolean }>('select doubted_at is not null as doubted from payment where id = $1', [
      this.#id,
    ]);
    if (rows[0]?.doubted) {
      await provider.desk.advance(SECOND_FETCH_AFTER_MS);
      await this.look();
    }
    return this.#read();
  }

  /** Looks, and is told this. */
  async #hear(outcome: Outcome<PaymentFacts>): Promise<void> {
    this.#world.provider.nextFetch(async () => outcome);
    await this.look();
  }

  async #read(): Promise<Books> {
    const { db } = this.#world;
    const { rows } = await db.ownerPool.query<Books>(BOOKS, [this.#id, `payment/${this.reference}`]);
    if (!rows[0]) throw new Error(`there is no payment ${this.reference}`);
    return rows[0];
  }

  async #change(
    operation: 'capture' | 'cancel',
    trouble: Trouble,
    ask: (wish: { paymentId: string; requestKey: string; actor: string }) => Promise<unknown>,
  ): Promise<boolean> {
    const requestKey = newUuid();
    await this.#withTrouble(trouble, async () => void (await ask({ paymentId: this.#id, requestKey, actor: 'test' })));
    const { rows } = await this.#world.db.ownerPool.query<{ state: string }>('select state from payment_attempt where request_key = $1', [
      requestKey,
    ]);
    if (rows[0] === undefined) throw new Error(`the ${operation} was not written down`);
    return rows[0].state === 'done';
  }

  /** Does it with something going wrong, and then lets time pass until the outcome is known. */
  async #withTrouble(trouble: Trouble, work: () => Promise<void>): Promise<void> {
    const { provider, resolver, db } = this.#world;
    strike(provider, trouble);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Died) && !isKassaflowError(error)) throw error;
    }
    provider.desk.faults.clear();
    if (trouble === 'forgotten') await provider.desk.advance(0.8 * (await provider.keyTtlMs()) + 60_000);
    for (const pause of [LEASE_MS + 1_000, ...BACK_OFF_MS]) {
      const { rows } = await db.ownerPool.query<Owner>("select 1 from payment_attempt where state in ('sending', 'unknown')");
      if (rows.length === 0) return;
      await provider.desk.advance(pause);
      await resolver.resolveDue();
    }
  }

  async #invoice(minor: number): Promise<string> {
    const { invoices, db } = this.#world;
    const draft = await invoices.create(db.tenantId, {
      customerId: this.#customer,
      description: 'work',
      lines: [{ description: 'work', quantity: 1, unit: this.#money(minor), vatRate: 0 }],
    });
    return uuidOf('inv', (await invoices.issue(db.tenantId, uuidOf('inv', draft.id), 14, 'test')).id);
  }

  #money(minor: number): Money {
    return parseMoney({ amount: (minor / 100).toFixed(2), currency: this.#world.provider.desk.currency });
  }

  get #id(): string {
    return uuidOf('pay', this.reference);
  }
}

const BOOKS = `
  with balance as (
    select regexp_replace(a.code, ':[0-9a-f-]{36}$', '') as code, sum(case l.side when 'debit' then l.minor else -l.minor end) as minor
    from ledger_entry e join ledger_line l on l.entry_id = e.id join ledger_account a on a.id = l.account_id
    where e.subject = $2 group by 1
  )
  select p.state, p.captured_minor::int as captured, p.refunded_minor::int as refunded, p.charged_back_minor::int as "chargedBack",
    coalesce((select sum(minor) from balance where code in ('asset:clearing', 'expense:fees')), 0)::int as owed,
    coalesce((select minor from balance where code = 'expense:fees'), 0)::int as fees,
    array(select allocated_minor::int from payment_invoice where payment_id = p.id order by position) as allocated,
    coalesce((select -minor from balance where code = 'asset:receivable'), 0)::int as "onInvoices",
    coalesce((select -minor from balance where code = 'liability:unallocated'), 0)::int as unallocated,
    coalesce((select sum(amount_minor) from refund r where r.payment_id = p.id and r.state = 'completed'), 0)::int as "refundsDone",
    (select count(*) from event where subject = $2 and type = 'payment.completed')::int as completions
  from payment p where p.id = $1`;

const SETTLED = `
  select coalesce(sum(gross) * 100, 0)::int as gross, coalesce(sum(fee) * 100, 0)::int as fees,
    coalesce(sum(gross - explained_gross) * 100, 0)::int as unexplained
  from settlement_line where payment_id = $1 and kind <> 'payout'`;
