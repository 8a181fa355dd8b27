import { Inject, Injectable } from '@nestjs/common';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { toWire, type Money } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Database } from '../../../platform/database/transaction.ts';
import { Audit } from '../../../platform/tenancy/audit.ts';
import { Customers } from '../../customers/index.ts';
import { debitDates, localDay, readDunning } from '../../dunning/index.ts';
import { invoiceErrors, Invoices, openOf } from '../../invoices/index.ts';
import { mandateErrors, paymentErrors } from '../payment.errors.ts';
import { insertNotice, listNotices, noticeOfRequest, type DebitNotice } from './debit-notices.ts';
import { Mandates } from './mandates.service.ts';

/** A debit to be announced. Ids are `uuid`. */
export interface NoticeWish {
  readonly invoiceId: string;
  /** Default: all that is open. */
  readonly amount?: Money;
  /** Default: the customer's newest that can be charged. */
  readonly mandateId?: string;
  /** Default: the first bank day that the notice allows. */
  readonly dueOn?: string;
  readonly requestKey: string;
  readonly actor: string;
}

/** Announces direct debits. */
@Injectable()
export class AnnounceDebits {
  constructor(
    private readonly database: Database,
    private readonly mandates: Mandates,
    private readonly invoices: Invoices,
    private readonly customers: Customers,
    private readonly eventLog: EventLog,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Writes the announcement down and records the event by which a flow sends the letter; a repeat returns the first.
   *
   * @throws invoice.not-found, payment.invoice-not-open, payment.exceeds-open, mandate.none, mandate.not-active, mandate.not-a-debit,
   *   mandate.other-customer, mandate.due-on
   */
  announce(tenantId: string, wish: NoticeWish): Promise<DebitNotice> {
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`debit-notice ${tenantId} ${wish.requestKey}`]);
      const known = await noticeOfRequest(tx, wish.requestKey);
      if (known) return known;
      const [invoice] = await this.invoices.lock(tx, [wish.invoiceId]);
      if (!invoice) throw invoiceErrors['not-found']();
      const open = openOf(invoice);
      if (open.minor <= 0n) throw paymentErrors['invoice-not-open']({ invoice: idOf('inv', invoice.id), status: invoice.state });
      const amount = wish.amount ?? open;
      if (amount.currency !== open.currency || amount.minor > open.minor) throw paymentErrors['exceeds-open']({ field: 'amount' });
      const wanted = wish.mandateId === undefined ? { customerId: invoice.customerId } : { id: wish.mandateId };
      const mandate = await this.mandates.lockToCharge(tx, wanted);
      if (mandate.customerId !== invoice.customerId) throw mandateErrors['other-customer']();
      if (mandate.kind !== 'sepa-debit') throw mandateErrors['not-a-debit']({ kind: mandate.kind });
      const { quiet, noticeDays, creditorId } = await readDunning(tx);
      const now = this.clock.now();
      const dates = debitDates(localDay(now, quiet.timeZone), noticeDays, wish.dueOn);
      if (!dates) throw mandateErrors['due-on']({ field: 'dueOn', dueOn: wish.dueOn, noticeDays });
      const { requestKey, actor } = wish;
      const notice = await insertNotice(tx, { ...dates, mandateId: mandate.id, invoiceId: invoice.id, amount, requestKey, now });
      const subject = `mandate/${notice.mandate}`;
      await this.audit.append(tx, { actor, action: 'mandate.announce', subject, detail: { invoice: notice.invoice, dueOn: notice.dueOn } });
      await this.eventLog.append(tx, {
        type: 'mandate.pre-notification-due',
        subject,
        data: {
          mandate: await this.mandates.subjectIn(tx, mandate),
          customer: await this.customers.snapshot(tx, invoice.customerId),
          invoice: (await this.invoices.snapshots(tx, [invoice.id])).get(invoice.id),
          amount: toWire(amount),
          dueOn: notice.dueOn,
          submitOn: notice.submitOn,
          creditorId,
        },
      });
      return notice;
    });
  }

  /** What was announced, newest first, after the notice with the id `after`. */
  list(
    tenantId: string,
    page: { readonly limit: number; readonly after: string | undefined; readonly invoiceId: string | undefined },
  ): Promise<DebitNotice[]> {
    return this.database.transact(tenantId, (tx) => listNotices(tx, page));
  }
}
