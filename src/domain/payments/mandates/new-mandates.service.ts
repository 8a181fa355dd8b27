/**
 * Asking a customer for a permission to charge, without a payment.
 *
 * The mandate is written down as `pending` before its provider is asked, so a repeat of the request, whatever died in between, finds it and
 * asks again under the same key. No money moves: one that is asked for and never confirmed lapses after {@link CONFIRM_WITHIN_MS}.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { CreatedMandate, CreateMandate, MandateFacts, NextStep } from '@kassaflow/plugin-sdk';
import type { MandateSubject } from '../../../events/catalogue/subjects.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf, newUuid } from '../../../kernel/ids.ts';
import { toWire, type Money } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { crashPoint } from '../../../platform/crash-points.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { Audit } from '../../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../../plugin-host/provider-calls.ts';
import { Customers } from '../../customers/index.ts';
import { CALL_TIMEOUT_MS } from '../payment-attempts.ts';
import { readConnections, type PaymentConnection } from '../payment-connections.ts';
import { mandateErrors } from '../payment.errors.ts';
import { checkReturnUrls } from '../return-urls.ts';
import { WebhookAddresses } from '../webhook-addresses.ts';
import { MandateEntity, type MandateRow } from './mandate.entity.ts';
import { CONFIRM_WITHIN_MS } from './mandate.ts';
import { lockMandate } from './mandate-rows.ts';
import { Mandates } from './mandates.service.ts';

/** A mandate as a caller asks for it. */
export interface MandateWish {
  /** `uuid` */
  readonly customerId: string;
  readonly kind: MandateFacts['kind'];
  /** Name or wire id. Default: the only or default one whose provider makes mandates. */
  readonly connection?: string;
  /** What the customer reads. */
  readonly description: string;
  /** Default: a page of ours that thanks. */
  readonly returnUrl?: string;
  readonly pricing?: { readonly most: Money; readonly every: 'week' | 'month' | 'year' };
  readonly requestKey: string;
  readonly actor: string;
}

/** A mandate, and what the customer has to do to confirm it. */
export interface MandateView {
  readonly mandate: MandateSubject;
  readonly next: NextStep | null;
}

@Injectable()
export class NewMandates {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly customers: Customers,
    private readonly mandates: Mandates,
    private readonly addresses: WebhookAddresses,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks the provider for a mandate, or tells how the one of this request stands.
   *
   * @throws customer.not-found, mandate.no-connection, mandate.refused, payment.return-url, payment.return-origin; payment.provider-answer
   *   when the provider does not answer: the same request may be sent again
   */
  async create(tenantId: string, wish: MandateWish): Promise<MandateView> {
    const connection = await this.#choose(await this.database.transact(tenantId, readConnections), wish.connection);
    const begun = await this.database.transact(tenantId, (tx) => this.#begin(tx, wish, connection));
    crashPoint('mandate.asked.after');
    if (begun.row.state === 'pending' && !begun.row.providerId) await this.#ask(tenantId, begun, wish, connection);
    return this.#view(tenantId, begun.row.id);
  }

  async #choose(connections: readonly PaymentConnection[], named: string | undefined): Promise<PaymentConnection> {
    for (const connection of connections) {
      const isMeant = named === undefined || connection.name === named || idOf('con', connection.id) === named;
      if (isMeant && connection.active && (await this.calls.has(connection.id, 'mandates.create'))) return connection;
    }
    throw mandateErrors['no-connection']({ connection: named });
  }

  async #begin(tx: Transaction, wish: MandateWish, { id: connectionId, mode }: PaymentConnection): Promise<Begun> {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`mandate-request ${tx.tenantId} ${wish.requestKey}`]);
    const returnUrl = wish.returnUrl ?? `${this.addresses.own}/pay/done`;
    const customer = await this.#customerFor(tx, wish);
    const known = await tx.em.findOne(MandateEntity, { requestKey: wish.requestKey });
    if (known) return { row: known, returnUrl, customer };
    await checkReturnUrls(tx, { returnUrl }, { mode, own: this.addresses.own });
    const now = this.clock.now();
    const row = tx.em.create(MandateEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId: wish.customerId,
      connectionId,
      paymentId: null,
      providerId: null,
      providerCustomer: null,
      kind: wish.kind,
      state: 'pending',
      label: '',
      fingerprint: null,
      validUntil: null,
      factsFetchedAt: null,
      createdAt: now,
      usedAt: now,
      lapsesAt: new Date(now.getTime() + CONFIRM_WITHIN_MS),
      endedAt: null,
      description: wish.description,
      next: null,
      requestKey: wish.requestKey,
      providerRetries: false,
      resumedAt: null,
      replacedById: null,
      version: 1,
    });
    await tx.em.flush();
    const subject = `mandate/${idOf('man', row.id)}`;
    await this.audit.append(tx, { actor: wish.actor, action: 'mandate.request', subject, detail: { kind: wish.kind } });
    return { row, returnUrl, customer };
  }

  async #customerFor(tx: Transaction, { customerId }: MandateWish): Promise<CreateMandate['customer']> {
    const { id, name, email, phone, locale } = await this.customers.snapshot(tx, customerId);
    return { reference: id, locale, ...(name !== '' && { name }), ...(email !== '' && { email }), ...(phone !== '' && { phone }) };
  }

  async #ask(tenantId: string, { row, returnUrl, customer }: Begun, wish: MandateWish, connection: PaymentConnection): Promise<void> {
    const reference = idOf('man', row.id);
    const fetchedAt = this.clock.now();
    const input: CreateMandate = {
      reference,
      kind: wish.kind,
      description: wish.description,
      returnUrl,
      webhookUrl: this.addresses.of(connection.plugin, connection.id),
      customer,
      ...(wish.pricing && { pricing: { most: toWire(wish.pricing.most), every: wish.pricing.every } }),
    };
    const outcome = await this.calls.call<CreatedMandate>({
      tenantId,
      connectionId: row.connectionId,
      method: 'mandates.create',
      input,
      idempotencyKey: `${reference}:create`,
      attempt: 1,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const isRefused =
      outcome.kind === 'declined' || (outcome.kind === 'failed' && (outcome.reason === 'input' || outcome.reason === 'permanent'));
    await this.database.transact(tenantId, async (tx) => {
      const locked = await lockMandate(tx, { id: row.id });
      // A signal may have come before this answer.
      if (!locked || locked.providerId) return;
      if (outcome.kind === 'ok') await this.mandates.made(tx, locked, outcome.value, fetchedAt);
      else if (isRefused) await this.mandates.notMade(tx, locked);
    });
    if (isRefused) throw mandateErrors.refused({ problem: outcome.message });
    if (outcome.kind !== 'ok') throw mandateErrors['no-answer']({ problem: outcome.message });
  }

  async #view(tenantId: string, id: string): Promise<MandateView> {
    const mandate = await this.mandates.get(tenantId, id);
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOneOrFail(MandateEntity, { id }));
    return { mandate, next: row.next ?? null };
  }
}

interface Begun {
  readonly row: MandateRow;
  readonly returnUrl: string;
  readonly customer: CreateMandate['customer'];
}
