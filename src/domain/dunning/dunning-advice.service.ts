import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { after } from '../../kernel/duration.ts';
import { parseMoney } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Customers } from '../customers/index.ts';
import { invoiceErrors, Invoices } from '../invoices/index.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { readDunning } from './dunning-policy.ts';
import { formalNotice, type FormalNotice } from './formal-notice.ts';
import { messageMoment, type Channel } from './quiet-hours.ts';

/** What flows ask while they collect. */
@Injectable()
export class DunningAdvice {
  constructor(
    private readonly database: Database,
    private readonly invoices: Invoices,
    private readonly customers: Customers,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** When a message may go out, so many days from now, or as soon as nobody is disturbed. */
  async moment(tenantId: string, channel: Channel, inDays: number): Promise<Date> {
    const { quiet } = await this.database.transact(tenantId, readDunning);
    const now = this.clock.now();
    return messageMoment(inDays === 0 ? now : after(now, { count: inDays, unit: 'day' }, quiet.timeZone), channel, quiet);
  }

  /** The formal notice for what is open; `undefined` when nothing is, or not in euro. @throws invoice.not-found */
  notice(tenantId: string, invoiceId: string, debtor: 'consumer' | 'business', link: string): Promise<FormalNotice | undefined> {
    return this.database.transact(tenantId, async (tx) => {
      const invoice = (await this.invoices.snapshots(tx, [invoiceId])).get(invoiceId);
      if (!invoice) throw invoiceErrors['not-found']();
      const principal = parseMoney(invoice.open);
      if (principal.currency !== 'EUR' || principal.minor <= 0n) return undefined;
      const { name, locale } = await this.customers.snapshot(tx, uuidOf('cus', invoice.customer));
      return formalNotice({ customer: name, invoice: invoice.number, dueOn: invoice.dueOn, principal, debtor, link, locale });
    });
  }
}
