/** The domain on a fresh database with a scripted provider: the services as the application wires them, without HTTP. */
import { EventEmitter2 } from '@nestjs/event-emitter';
import { AccountingPostings } from '../../src/domain/accounting/accounting.service.ts';
import { accountingActions } from '../../src/domain/accounting/accounting.actions.ts';
import { creditActions } from '../../src/domain/credits/credit.actions.ts';
import { CreditPackages } from '../../src/domain/credits/credit-packages.service.ts';
import { Credits } from '../../src/domain/credits/credits.service.ts';
import { Customers } from '../../src/domain/customers/customers.service.ts';
import { domainEntities } from '../../src/domain/domain.entities.ts';
import { Invoices } from '../../src/domain/invoices/invoices.service.ts';
import { Ledger } from '../../src/domain/ledger/ledger.service.ts';
import { Orders } from '../../src/domain/orders/orders.service.ts';
import { PaymentRoutes } from '../../src/domain/payment-routes/payment-routes.service.ts';
import { ApplyFacts } from '../../src/domain/payments/apply-facts.ts';
import { Authorizations } from '../../src/domain/payments/authorizations.service.ts';
import { AuthorizationAttempts } from '../../src/domain/payments/captures/authorization-attempts.ts';
import { WatchCaptures } from '../../src/domain/payments/captures/watch-captures.ts';
import { CheckOpenPayments } from '../../src/domain/payments/check-open-payments.ts';
import { AnnounceDebits } from '../../src/domain/payments/mandates/announce-debits.service.ts';
import { announceAction } from '../../src/domain/payments/mandates/announce.action.ts';
import { chargeAction } from '../../src/domain/payments/mandates/charge.action.ts';
import { ChargeApprovals } from '../../src/domain/payments/mandates/charge-approvals.service.ts';
import { Charges } from '../../src/domain/payments/mandates/charges.service.ts';
import { LapseMandates } from '../../src/domain/payments/mandates/lapse-mandates.ts';
import { Disputes } from '../../src/domain/payments/disputes/disputes.service.ts';
import { Mandates } from '../../src/domain/payments/mandates/mandates.service.ts';
import { NewMandates } from '../../src/domain/payments/mandates/new-mandates.service.ts';
import { FailOver } from '../../src/domain/payments/failover/fail-over.ts';
import { NewPayment, type PaymentWish } from '../../src/domain/payments/new-payment.ts';
import { OpenPayment } from '../../src/domain/payments/open-payment.ts';
import { PaymentSubjects } from '../../src/domain/payments/payment-subjects.ts';
import { Payments } from '../../src/domain/payments/payments.service.ts';
import { refundActions } from '../../src/domain/payments/refund.action.ts';
import { Refunds } from '../../src/domain/payments/refunds.service.ts';
import { ResolveAttempts } from '../../src/domain/payments/resolve-attempts.ts';
import { SettledMoneyOfPayments } from '../../src/domain/payments/settled-money.ts';
import { WebhookAddresses } from '../../src/domain/payments/webhook-addresses.ts';
import { EventLog } from '../../src/events/event-log.ts';
import { SubjectReaders } from '../../src/events/subject-readers.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { newUuid, uuidOf } from '../../src/kernel/ids.ts';
import { Metrics } from '../../src/platform/observability/metrics.ts';
import { Audit } from '../../src/platform/tenancy/audit.ts';
import { parseMoney, type Money } from '../../src/kernel/money.ts';
import { BuiltInActions } from '../../src/plugin-host/built-in-actions.ts';
import type { ProviderCalls } from '../../src/plugin-host/provider-calls.ts';
import { testDatabase, type TestDatabase } from './database.ts';
import { ScriptedProvider } from './scripted-provider.ts';

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #now = new Date('2026-11-20T10:00:00Z').getTime();

  now(): Date {
    return new Date(this.#now);
  }

  elapsed(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

export function eur(amount: string): Money {
  return parseMoney({ amount, currency: 'EUR' });
}

export type DomainWorld = Awaited<ReturnType<typeof domainWorld>>;

/** One connection `pay` of the plugin `acme` exists. Close with `db.close()`. */
export async function domainWorld() {
  const clock = new TestClock();
  const provider = new ScriptedProvider(clock);
  const world = await domainWorldWith(clock, provider);
  const { connectionId } = world;
  provider.connections.set(connectionId, { tenantId: world.db.tenantId, connectionId, plugin: 'acme', mode: 'test' });
  return world;
}

/** As {@link domainWorld}, by another clock and with another provider behind the connection. */
export async function domainWorldWith<C extends Clock, P extends ProviderCalls>(clock: C, provider: P) {
  const db = await testDatabase({ entities: domainEntities, poolSize: 10 });
  const eventLog = new EventLog(clock, new EventEmitter2());
  const readers = new SubjectReaders();
  const config = { publicUrl: 'https://kassaflow.example', role: 'all' as const, captureNoticeMs: 48 * 3_600_000, receiptPageDays: 800 };
  const audit = new Audit();
  const ledger = new Ledger();
  const customers = new Customers(db.database, eventLog, readers, clock);
  const invoices = new Invoices(db.database, ledger, customers, eventLog, readers, audit, config as never, clock);
  const subjects = new PaymentSubjects(customers, invoices);
  const addresses = new WebhookAddresses(config as never);
  const mandates = new Mandates(db.database, provider, customers, eventLog, audit, clock);
  const disputes = new Disputes(db.database, eventLog, subjects, mandates, clock);
  const applyFacts = new ApplyFacts(invoices, ledger, eventLog, subjects, mandates, disputes, new Metrics(), config as never, clock);
  const authorizationAttempts = new AuthorizationAttempts(db.database, provider, applyFacts, subjects, eventLog, clock);
  const newPayment = new NewPayment(invoices, provider);
  const routes = new PaymentRoutes(db.database, provider, audit);
  const failOver = new FailOver(db.database, provider, newPayment, routes, addresses, audit, clock);
  const openPayment = new OpenPayment(newPayment, customers, mandates, subjects, eventLog, addresses, audit, clock);
  const payments = new Payments(
    db.database,
    provider,
    newPayment,
    failOver,
    openPayment,
    applyFacts,
    authorizationAttempts,
    subjects,
    mandates,
    eventLog,
    readers,
    clock,
  );
  const refunds = new Refunds(db.database, provider, payments, subjects, eventLog, readers, audit, clock);
  const authorizations = new Authorizations(db.database, provider, payments, authorizationAttempts, audit, clock);
  const captureWatch = new WatchCaptures(db.database, db.enginePool, payments, subjects, eventLog, config as never, clock);
  const resolver = new ResolveAttempts(
    db.database,
    db.enginePool,
    provider,
    payments,
    refunds,
    authorizations,
    authorizationAttempts,
    config as never,
    clock,
  );
  const checker = new CheckOpenPayments(db.database, db.enginePool, payments, config as never, clock);
  const approvals = new ChargeApprovals(db.database, subjects, eventLog, clock);
  const charges = new Charges(db.database, payments, mandates, approvals, invoices, config as never, clock);
  const newMandates = new NewMandates(db.database, provider, customers, mandates, addresses, audit, clock);
  const notices = new AnnounceDebits(db.database, mandates, invoices, customers, eventLog, audit, clock);
  const lapser = new LapseMandates(db.database, db.enginePool, mandates, config as never, clock);
  const credits = new Credits(db.database, customers, eventLog, audit);
  const packages = new CreditPackages(db.database, clock);
  const orders = new Orders(db.database, customers, invoices, packages, subjects, eventLog, readers, clock);
  const postings = new AccountingPostings(db.database, provider, ledger, refunds, clock);
  const settledMoney = new SettledMoneyOfPayments(db.database, payments, applyFacts);
  const actions = new BuiltInActions();
  actions.offer(
    ...refundActions(refunds),
    chargeAction(charges),
    announceAction(notices),
    ...creditActions(credits),
    ...accountingActions(postings),
  );
  for (const service of [customers, mandates, invoices, payments, refunds, credits, orders]) service.onModuleInit();
  const connectionId = await addConnection(db, 'pay', 'acme');
  return {
    db,
    clock,
    provider,
    eventLog,
    readers,
    ledger,
    customers,
    invoices,
    payments,
    routes,
    mandates,
    newMandates,
    approvals,
    notices,
    charges,
    disputes,
    lapser,
    refunds,
    authorizations,
    captureWatch,
    checker,
    resolver,
    settledMoney,
    audit,
    credits,
    packages,
    orders,
    postings,
    actions,
    addresses,
    connectionId,
    ...stories(db, { customers, invoices, payments }),
  };
}

export async function addConnection(db: TestDatabase, name: string, plugin: string): Promise<string> {
  const id = newUuid();
  const values = [id, db.tenantId, name, plugin];
  await db.ownerPool.query(
    `insert into connection (id, tenant_id, name, plugin, mode, settings, secrets) values ($1, $2, $3, $4, 'test', '{}', '')`,
    values,
  );
  return id;
}

/** Short ways to the beginnings of tests, and to what they look at in the end. */
function stories(db: TestDatabase, { customers, invoices, payments }: { customers: Customers; invoices: Invoices; payments: Payments }) {
  const aCustomer = async () =>
    uuidOf(
      'cus',
      (
        await customers.create(db.tenantId, {
          reference: null,
          name: 'A. de Vries',
          firstName: 'Anna',
          email: '',
          phone: '+31612345678',
          locale: 'nl',
        })
      ).id,
    );
  /** An issued invoice with the given total, without VAT. */
  const anInvoice = async (total: string, customerId?: string) => {
    const owner = customerId ?? (await aCustomer());
    const draft = await invoices.create(db.tenantId, {
      customerId: owner,
      description: 'work',
      lines: [{ description: 'work', quantity: 1, unit: eur(total), vatRate: 0 }],
    });
    return uuidOf('inv', (await invoices.issue(db.tenantId, uuidOf('inv', draft.id), 14, 'test')).id);
  };
  const wish = (more: Partial<PaymentWish>): PaymentWish => ({
    invoices: [],
    split: 'oldest-first',
    returnUrl: 'https://shop.example/back',
    metadata: {},
    requestKey: newUuid(),
    actor: 'test',
    ...more,
  });
  return {
    aCustomer,
    anInvoice,
    wish,
    pay: (...ids: string[]) => payments.create(db.tenantId, wish({ invoices: ids.map((id) => ({ id })) })),
    invoiceOf: async (id: string) => (await invoices.get(db.tenantId, id)).invoice,
    /** Types of all events about something, in order. */
    eventsOf: async (subject: string) => {
      const { rows } = await db.ownerPool.query<{ type: string }>('select type from event where subject = $1 order by seq', [subject]);
      return rows.map(({ type }) => type);
    },
    /** Signed balances of all accounts, `connection` ids cut off. */
    balances: async () => {
      const { rows } = await db.ownerPool.query<{ code: string; balance: string }>(
        `select regexp_replace(a.code, ':[0-9a-f-]{36}$', '') as code, sum(case l.side when a.normal then l.minor else -l.minor end)::text as balance
         from ledger_account a join ledger_line l on l.account_id = a.id where a.tenant_id = $1 group by 1 having sum(case l.side when a.normal then l.minor else -l.minor end) <> 0`,
        [db.tenantId],
      );
      return Object.fromEntries(rows.map(({ code, balance }) => [code, Number(balance)]));
    },
    /** Zero in every currency, or something is wrong. */
    imbalance: async () => {
      const { rows } = await db.ownerPool.query<{ sum: string }>(
        `select sum(case side when 'debit' then minor else -minor end)::text as sum from ledger_line group by currency`,
      );
      return rows.filter(({ sum }) => sum !== '0');
    },
  };
}
