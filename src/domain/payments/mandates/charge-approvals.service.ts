/**
 * A charge that its bank has stopped because it wants to see the customer: the page on which the customer approves it.
 *
 * The page is a checkout session over the same money. Where the provider keeps the payment open for that, the page goes on with this very
 * payment; where it has declined, the payment made on the page takes its place. Either way one of them pays the invoice, which ends what
 * flows planned for it. The page is good for the days that the dunning policy names, and its event (`payment.action-required`) is recorded
 * once, however often the charge is asked about.
 *
 * The customer has agreed to be charged, and the bank would stop the next charge too: what is used on the page is saved, where the way of
 * paying can, and is charged in place of the mandate from then on (`mandate-rows.ts`). The page says so.
 *
 * The pages belong to the checkout, which ranks above this module and offers them.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { PaymentSubject } from '../../../events/catalogue/subjects.ts';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { uuidOf } from '../../../kernel/ids.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { crashPoint } from '../../../platform/crash-points.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { readDunning } from '../../dunning/index.ts';
import { PaymentEntity } from '../payment.entity.ts';
import { PaymentSubjects } from '../payment-subjects.ts';

/** What is to be approved. */
export interface ApprovalWish {
  readonly payment: PaymentSubject;
  /** Wire id of the connection through which it was charged. */
  readonly connection: string;
  /** The request that made the charge: the same page for every repeat of it. */
  readonly requestKey: string;
  /** `uuid` of the mandate that was charged: what the customer pays with takes its place, where it can be saved. */
  readonly mandate: string | undefined;
  /** True when the payment itself can still be completed. */
  readonly isOpen: boolean;
  /** Where the customer is led in the end. Default: a page of ours. */
  readonly returnUrl?: string | undefined;
  readonly expiresAt: Date;
  readonly actor: string;
}

export interface ApprovalPage {
  readonly link: string;
  readonly status: 'open' | 'pending' | 'completed' | 'cancelled' | 'expired';
  /** The payment that paid it, or may still do so; empty when there is none. */
  readonly payment: string;
}

/** Makes the page, or finds it; `undefined` when there is nothing to be paid any more. */
export type OpenApproval = (tenantId: string, wish: ApprovalWish) => Promise<ApprovalPage | undefined>;

const DAY_MS = 86_400_000;

@Injectable()
export class ChargeApprovals {
  #open: OpenApproval | undefined;

  constructor(
    private readonly database: Database,
    private readonly subjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  offer(open: OpenApproval): void {
    this.#open = open;
  }

  /** The page of a charge, made the first time. */
  async pageOf(tenantId: string, wish: Omit<ApprovalWish, 'expiresAt'>): Promise<ApprovalPage | undefined> {
    const { linkDays } = await this.database.transact(tenantId, readDunning);
    const expiresAt = new Date(new Date(wish.payment.createdAt).getTime() + linkDays * DAY_MS);
    if (expiresAt <= this.clock.now()) return undefined;
    const page = await this.#open?.(tenantId, { ...wish, expiresAt });
    crashPoint('charge.approval.after');
    if (page && (page.status === 'open' || page.status === 'pending'))
      await this.database.transact(tenantId, (tx) => this.#tell(tx, uuidOf('pay', wish.payment.id), page.link, expiresAt));
    return page;
  }

  async #tell(tx: Transaction, id: string, link: string, expiresAt: Date): Promise<void> {
    const made = await tx.query(
      `insert into charge_approval (payment_id, tenant_id, asked_at, expires_at) values ($1, $2, $3, $4)
       on conflict do nothing returning 1`,
      [id, tx.tenantId, this.clock.now(), expiresAt],
    );
    if (made.length === 0) return;
    const context = await this.subjects.contextOf(tx, await tx.em.findOneOrFail(PaymentEntity, { id }));
    await this.eventLog.append(tx, {
      type: 'payment.action-required',
      subject: `payment/${context.payment.id}`,
      data: { ...context, link, expiresAt: expiresAt.toISOString() },
    });
  }
}
