/**
 * Charging a customer who is not there.
 *
 * A charge is a payment under a mandate, made once for its request however often that is repeated. It ends in one of:
 *
 * | status | what is true |
 * |---|---|
 * | pending | bank or scheme has not said its last word; for a direct debit that takes days |
 * | action-required | the bank wants to see the customer: `link` opens a page on which the customer approves the same money |
 * | completed | the money was taken, by the charge or through the link |
 * | failed | neither happened; `reason` says why, and `decline` what to do about it |
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../../kernel/ids.ts';
import type { Money } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Config } from '../../../platform/config/config.ts';
import { Database } from '../../../platform/database/transaction.ts';
import type { Decline } from '../../../events/catalogue/payment.events.ts';
import { adviceFor, canBeDueOn, localDay, readDunning } from '../../dunning/index.ts';
import { Invoices } from '../../invoices/index.ts';
import { mandateErrors } from '../payment.errors.ts';
import { isOpen, tookMoney } from '../payment.ts';
import { Payments, type PaymentView } from '../payments.service.ts';
import { ChargeApprovals } from './charge-approvals.service.ts';
import { declineOf, wireDecline } from './declines.ts';
import { requireNotices } from './debit-notices.ts';
import type { MandateRow } from './mandate.entity.ts';
import { Mandates } from './mandates.service.ts';

/** A charge as a caller asks for it. Ids are `uuid`. */
export interface ChargeRequest {
  readonly invoices: readonly { readonly id: string; readonly amount?: Money }[];
  /** Default: all that is open on the invoices. */
  readonly amount?: Money;
  /** Default: the customer of the invoices. */
  readonly customerId?: string;
  /** Default: the customer's newest that can be charged. */
  readonly mandateId?: string;
  readonly dueOn?: string;
  readonly description?: string;
  /** Where the customer comes back to, should the bank want to see them. Default: our own address. */
  readonly returnUrl?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestKey: string;
  readonly actor: string;
}

export interface ChargeView extends PaymentView {
  readonly status: 'pending' | 'action-required' | 'completed' | 'failed';
  /** Where the customer can approve; empty unless that is asked for. */
  readonly link: string;
  /** What kind of no it was, and when to charge again. */
  readonly decline: Decline | undefined;
}

@Injectable()
export class Charges {
  constructor(
    private readonly database: Database,
    private readonly payments: Payments,
    private readonly mandates: Mandates,
    private readonly approvals: ChargeApprovals,
    private readonly invoices: Invoices,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Charges, or tells how the charge of this request stands by now.
   *
   * @throws mandate.none, mandate.not-active, mandate.other-customer, mandate.cap, mandate.charge-open, mandate.suspended, mandate.due-on,
   *   mandate.not-announced, and what a payment throws
   */
  async charge(tenantId: string, request: ChargeRequest): Promise<ChargeView> {
    const known = await this.#asked(tenantId, request.requestKey);
    const view = known ?? (await this.#begin(tenantId, request));
    const { payment, next } = view;
    const isStopped = payment.status === 'failed' && payment.reason === 'authentication-failed';
    // A charge with something to do for the customer is one that its provider keeps open for that.
    if (isStopped || next?.kind === 'redirect' || next?.kind === 'hosted-fields')
      return this.#onSession(tenantId, request, view, !isStopped);
    return this.#viewOf(tenantId, view);
  }

  /** The charge of a request that was made before; one that is still open is asked about at its provider, should a webhook be lost. */
  async #asked(tenantId: string, requestKey: string): Promise<PaymentView | undefined> {
    const known = await this.payments.ofRequest(tenantId, requestKey);
    if (!known || !isOpen(known.payment.status) || known.payment.providerId === '') return known;
    await this.payments.refresh(tenantId, uuidOf('pay', known.payment.id));
    return this.payments.ofRequest(tenantId, requestKey);
  }

  /** In how many milliseconds it is worth to ask again how a payment stands: the older it is, the later. */
  askAgainMs({ payment }: PaymentView): number {
    const age = this.clock.now().getTime() - new Date(payment.createdAt).getTime();
    return Math.min(Math.max(age, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  }

  async #begin(tenantId: string, request: ChargeRequest): Promise<PaymentView> {
    const { mandateId, dueOn, returnUrl = this.config.publicUrl, ...wish } = request;
    const customerId = request.customerId ?? (await this.#customerOf(tenantId, request));
    const wanted = { ...(mandateId !== undefined && { id: mandateId }), ...(customerId !== undefined && { customerId }) };
    await this.mandates.lookBeforeCharge(tenantId, await this.#mandate(tenantId, wanted));
    // What the provider said just now may have ended it, and another of the customer's is next.
    const row = await this.#mandate(tenantId, wanted);
    await this.#checkDate(tenantId, row, dueOn, request);
    const { id, connectionId, providerId, providerCustomer } = row;
    // One without a provider's id is pending and was refused before.
    const mandate = { id, connectionId, providerId: providerId ?? '', providerCustomer };
    const charge = { mandate, ...(dueOn !== undefined && { dueOn }) };
    return this.payments.create(tenantId, {
      ...wish,
      customerId: customerId ?? row.customerId,
      split: 'oldest-first',
      returnUrl,
      charge,
    });
  }

  #mandate(tenantId: string, wanted: { readonly id?: string; readonly customerId?: string }): Promise<MandateRow> {
    return this.database.transact(tenantId, (tx) => this.mandates.lockToCharge(tx, wanted));
  }

  /** A direct debit is due on a bank day, and handed in before it. @throws mandate.due-on, mandate.not-announced */
  #checkDate(tenantId: string, { id, kind }: MandateRow, dueOn: string | undefined, { invoices }: ChargeRequest): Promise<void> {
    if (kind !== 'sepa-debit') return Promise.resolve();
    return this.database.transact(tenantId, async (tx) => {
      const { quiet, noticeRequired } = await readDunning(tx);
      const today = localDay(this.clock.now(), quiet.timeZone);
      if (dueOn !== undefined && !canBeDueOn(dueOn, today)) throw mandateErrors['due-on']({ field: 'dueOn', dueOn, today });
      if (noticeRequired) await requireNotices(tx, { mandateId: id, invoiceIds: invoices.map((invoice) => invoice.id), dueOn });
    });
  }

  async #customerOf(tenantId: string, { invoices: [first] }: ChargeRequest): Promise<string | undefined> {
    if (!first) return undefined;
    const { invoice } = await this.invoices.get(tenantId, first.id);
    return uuidOf('cus', invoice.customer);
  }

  /** The bank wants to see the customer. Once the page's time is over, or nothing is open any more, the charge is what it was. */
  async #onSession(tenantId: string, request: ChargeRequest, charge: PaymentView, isOpen: boolean): Promise<ChargeView> {
    const page = await this.approvals.pageOf(tenantId, {
      payment: charge.payment,
      ...(await this.#meansOf(tenantId, charge.payment.id)),
      requestKey: request.requestKey,
      isOpen,
      returnUrl: request.returnUrl,
      actor: request.actor,
    });
    if (!page || page.status === 'cancelled' || page.status === 'expired') return this.#viewOf(tenantId, charge);
    const paying = page.payment === '' ? charge : await this.payments.get(tenantId, uuidOf('pay', page.payment));
    if (page.status === 'completed') return this.#viewOf(tenantId, paying);
    return { ...paying, status: page.status === 'pending' ? 'pending' : 'action-required', link: page.link, decline: undefined };
  }

  /** Through which connection and under which mandate it was charged. */
  async #meansOf(tenantId: string, payment: string): Promise<{ readonly connection: string; readonly mandate: string | undefined }> {
    const [row] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ connection: string; mandate: string | null }>(
        'select connection_id as connection, mandate_id as mandate from payment where id = $1',
        [uuidOf('pay', payment)],
      ),
    );
    return { connection: idOf('con', row?.connection ?? newUuid()), mandate: row?.mandate ?? undefined };
  }

  async #viewOf(tenantId: string, view: PaymentView): Promise<ChargeView> {
    const { payment, failure } = view;
    if (tookMoney(payment.status)) return { ...view, status: 'completed', link: '', decline: undefined };
    if (payment.status === 'failed' || payment.status === 'cancelled' || payment.status === 'expired') {
      const known = await this.database.transact(tenantId, (tx) => declineOf(tx, uuidOf('pay', payment.id)));
      const decline = known ?? wireDecline(adviceFor({ method: payment.method, reason: 'other', ...failure }), undefined, true);
      return { ...view, status: 'failed', link: '', decline };
    }
    return { ...view, status: 'pending', link: '', decline: undefined };
  }
}

const SHORTEST_PAUSE_MS = 5_000;
/** As `payment-checks.ts` asks the provider. */
const LONGEST_PAUSE_MS = 6 * 3_600_000;
