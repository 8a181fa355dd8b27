import { Inject, Injectable } from '@nestjs/common';
import type { ChargeMandate, CreatePayment } from '@kassaflow/plugin-sdk';
import type { CustomerSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { Customers } from '../customers/index.ts';
import { checkChargeCaps } from './mandates/charge-caps.ts';
import { Mandates } from './mandates/mandates.service.ts';
import { NewPayment, type ChargeWish, type PaymentHabits, type PaymentPlan, type PaymentWish } from './new-payment.ts';
import { beginAttempt, type Attempt } from './payment-attempts.ts';
import type { PaymentConnection } from './payment-connections.ts';
import { PaymentEntity, PaymentInvoiceEntity, type PaymentRow } from './payment.entity.ts';
import { mandateErrors } from './payment.errors.ts';
import { PaymentSubjects } from './payment-subjects.ts';
import { checkReturnUrls } from './return-urls.ts';
import { WebhookAddresses } from './webhook-addresses.ts';

/** Writes a new payment down: its row, what it is meant to pay, and the attempt to open it at the provider, in the caller's transaction. */
@Injectable()
export class OpenPayment {
  constructor(
    private readonly newPayment: NewPayment,
    private readonly customers: Customers,
    private readonly mandates: Mandates,
    private readonly subjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    private readonly webhookAddresses: WebhookAddresses,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Without an attempt the request had made a payment before.
   *
   * @throws what {@link NewPayment.plan} throws, payment.return-url, payment.return-origin, mandate.not-active, mandate.other-customer, mandate.cap, mandate.charge-open
   */
  async write(
    tx: Transaction,
    wish: PaymentWish,
    connection: PaymentConnection,
    habits: PaymentHabits,
  ): Promise<{ readonly id: string; readonly attempt?: Attempt }> {
    // A repeat that arrives while the first is being written waits here, and then finds it.
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`payment-request ${tx.tenantId} ${wish.requestKey}`]);
    const known = await paymentOfRequest(tx, wish.requestKey);
    if (known) return { id: known.id };
    // A charge too: its bank may want to see the customer.
    await checkReturnUrls(tx, wish, { mode: connection.mode, own: this.webhookAddresses.own });
    const plan = await this.newPayment.plan(tx, wish);
    if (wish.charge) await this.#useMandate(tx, wish.charge.mandate.id, plan);
    const row = this.#insert(tx, wish, plan, connection, habits);
    await tx.em.flush();
    for (const [position, { id, intended }] of plan.intents.entries()) {
      tx.em.create(PaymentInvoiceEntity, {
        paymentId: row.id,
        invoiceId: id,
        tenantId: tx.tenantId,
        position,
        intendedMinor: intended,
        allocatedMinor: 0n,
      });
    }
    await tx.em.flush();
    const request = wish.charge
      ? this.#chargeRequest(row, wish, wish.charge, connection)
      : await this.#request(tx, row, wish, plan, connection);
    const operation = wish.charge ? 'charge' : 'create';
    const attempt = await beginAttempt(tx, { paymentId: row.id, operation, request, now: this.clock.now() });
    const subject = `payment/${idOf('pay', row.id)}`;
    await this.eventLog.append(tx, { type: 'payment.created', subject, data: { ...(await this.subjects.contextOf(tx, row)) } });
    await this.audit.append(tx, {
      actor: wish.actor,
      action: `payment.${operation}`,
      subject,
      detail: { ...toWire(plan.amount), connection: connection.name },
    });
    return { id: row.id, attempt };
  }

  /** @throws mandate.not-active, mandate.cap, mandate.charge-open */
  async #useMandate(tx: Transaction, id: string, { intents, customerId }: PaymentPlan): Promise<void> {
    const mandate = await this.mandates.lockToCharge(tx, { id });
    if (mandate.customerId !== customerId) throw mandateErrors['other-customer']();
    const invoices = intents.map((intent) => intent.id);
    await checkChargeCaps(tx, mandate, invoices, this.clock.now());
    await this.mandates.used(tx, mandate);
  }

  #chargeRequest(row: PaymentRow, wish: PaymentWish, { mandate, dueOn }: ChargeWish, connection: PaymentConnection): ChargeMandate {
    return {
      reference: idOf('pay', row.id),
      mandate: mandate.providerId,
      amount: toWire(money(row.amountMinor, row.currency)),
      description: row.description,
      returnUrl: wish.returnUrl,
      webhookUrl: this.webhookAddresses.of(connection.plugin, connection.id),
      metadata: wish.metadata,
      ...(mandate.providerCustomer && { customer: mandate.providerCustomer }),
      ...(dueOn !== undefined && { dueOn }),
    };
  }

  #insert(tx: Transaction, wish: PaymentWish, plan: PaymentPlan, connection: PaymentConnection, habits: PaymentHabits): PaymentRow {
    return tx.em.create(PaymentEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId: plan.customerId ?? null,
      connectionId: connection.id,
      mandateId: wish.charge?.mandate.id ?? null,
      replacesMandateId: wish.replacesMandate ?? null,
      providerId: null,
      state: 'created',
      description: plan.description,
      currency: plan.amount.currency,
      amountMinor: plan.amount.minor,
      authorizedMinor: 0n,
      voidedMinor: 0n,
      capturedMinor: 0n,
      refundedMinor: 0n,
      refundPendingMinor: 0n,
      chargedBackMinor: 0n,
      captureAskedMinor: 0n,
      capturePendingMinor: 0n,
      ...habits,
      captureBefore: null,
      captureWatchAt: null,
      lapsedAt: null,
      provisionalUntil: null,
      feeMinor: null,
      method: null,
      providerState: '',
      failure: null,
      next: null,
      split: plan.rule,
      mismatched: false,
      factsFetchedAt: null,
      doubtedAt: null,
      contradictedAt: null,
      metadata: wish.metadata,
      createdAt: this.clock.now(),
      completedAt: null,
      requestKey: wish.requestKey,
      version: 1,
    });
  }

  async #request(
    tx: Transaction,
    row: PaymentRow,
    wish: PaymentWish,
    plan: PaymentPlan,
    connection: PaymentConnection,
  ): Promise<CreatePayment> {
    const customer = plan.customerId === undefined ? undefined : await this.customers.snapshot(tx, plan.customerId);
    return {
      reference: idOf('pay', row.id),
      amount: toWire(plan.amount),
      description: plan.description,
      returnUrl: wish.returnUrl,
      webhookUrl: this.webhookAddresses.of(connection.plugin, connection.id),
      capture: wish.capture ?? 'automatic',
      metadata: wish.metadata,
      ...(wish.cancelUrl === undefined ? {} : { cancelUrl: wish.cancelUrl }),
      ...(wish.methods === undefined ? {} : { methods: wish.methods }),
      ...(wish.flow === undefined ? {} : { flow: wish.flow }),
      ...(wish.token === undefined ? {} : { token: wish.token }),
      ...(wish.device === undefined ? {} : { device: wish.device }),
      ...(wish.save === undefined ? {} : { save: wish.save }),
      ...(wish.expiresAt === undefined ? {} : { expiresAt: wish.expiresAt.getTime() }),
      ...payerOf(customer, row, wish),
    };
  }
}

/** The payment that a request made, when it did. */
export function paymentOfRequest(tx: Transaction, requestKey: string): Promise<PaymentRow | null> {
  return tx.em.findOne(PaymentEntity, { requestKey });
}

/** Who pays. A payer whom nobody knows, but whose phone is asked or whose language is known, goes by the payment's own id. */
function payerOf(
  customer: CustomerSubject | undefined,
  row: PaymentRow,
  wish: Pick<PaymentWish, 'phone' | 'locale' | 'save'>,
): Pick<CreatePayment, 'customer'> {
  const phone = wish.phone ?? customer?.phone ?? '';
  // A mandate belongs to somebody: nobody is made up for it.
  const locale = wish.locale ?? customer?.locale;
  if (!customer && phone === '' && (locale === undefined || wish.save === true)) return {};
  return {
    customer: {
      reference: customer?.id ?? idOf('pay', row.id),
      ...(locale !== undefined && { locale }),
      ...(customer && customer.email !== '' && { email: customer.email }),
      ...(phone !== '' && { phone }),
    },
  };
}
