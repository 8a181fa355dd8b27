/**
 * An invoice behind its address, and the sessions that pay it.
 *
 * The address says nothing of an amount: each press of the button leads to a session over what is to be paid at that moment. The session
 * before is taken up again while it is open for the same amount, so a double click, two tabs and the link of an old letter come to one
 * payment; one of another amount is taken back first, and where a bank is busy with its payment the payer is shown that. Sessions of one
 * invoice are numbered, and their request key has the number: two presses at once make the same one.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../../kernel/clock.ts';
import { isKassaflowError } from '../../../kernel/errors.ts';
import { idOf } from '../../../kernel/ids.ts';
import { money } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Config } from '../../../platform/config/config.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { NO_TENANT } from '../../../platform/tenancy/no-tenant.ts';
import { Customers } from '../../customers/index.ts';
import { InvoiceEntity, Invoices, opensInvoice, payableOf, payUrlOf, readPayToken, type InvoiceRow } from '../../invoices/index.ts';
import { payerOf } from '../checkout-access.ts';
import { CheckoutSessionEntity, type CheckoutSessionRow } from '../checkout-session.entity.ts';
import { isUnderWay } from '../checkout-session.ts';
import { CheckoutSessions } from '../checkout-sessions.service.ts';
import { CheckoutTokens } from '../checkout-tokens.ts';
import { PayLinks } from '../pay-links.service.ts';
import { localeOf } from '../page/page-texts.ts';
import { attemptsOf } from '../session-attempts.ts';
import type { InvoicePage } from './invoice-page.ts';

/** What an address opens. */
export interface OpenedInvoice {
  readonly tenantId: string;
  readonly invoiceId: string;
}

const SESSION_DAYS = 30;
/** A session that ends sooner is not worth beginning with. */
const LEAST_LEFT_MS = 10 * 60_000;
/** Of one invoice: each is for another amount, or follows one that has ended. */
const MOST_SESSIONS = 200;

@Injectable()
export class InvoicePages {
  constructor(
    private readonly database: Database,
    private readonly invoices: Invoices,
    private readonly customers: Customers,
    private readonly sessions: CheckoutSessions,
    private readonly tokens: CheckoutTokens,
    private readonly links: PayLinks,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The invoice behind an address; `undefined` when there is none, or a draft, whatever is wrong with it. */
  async open(token: string): Promise<OpenedInvoice | undefined> {
    const claim = readPayToken(token);
    if (!claim) return undefined;
    const { invoiceId, secret } = claim;
    const [found] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ tenant: string | null }>('select find_invoice_tenant($1) as tenant', [invoiceId]),
    );
    const tenantId = found?.tenant;
    if (!tenantId) return undefined;
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOne(InvoiceEntity, { id: invoiceId }));
    return row && row.issuedOn && opensInvoice(row, secret) ? { tenantId, invoiceId } : undefined;
  }

  async page(
    { tenantId, invoiceId }: OpenedInvoice,
    { token, languages, problem }: { readonly token: string; readonly languages: string | undefined; readonly problem: boolean },
  ): Promise<InvoicePage> {
    const { name, isTest } = await this.sessions.merchant(tenantId);
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOneOrFail(InvoiceEntity, { id: invoiceId });
      const customer = await this.customers.snapshot(tx, row.customerId);
      return {
        locale: localeOf(customer.locale, languages),
        path: `/i/${token}`,
        test: isTest,
        payee: name,
        // A draft has no page.
        state: row.state === 'draft' ? 'cancelled' : row.state,
        number: row.number ?? '',
        description: row.description,
        issuedOn: row.issuedOn ?? '',
        dueOn: row.dueOn ?? '',
        lines: await this.invoices.lines(tx, row),
        paid: money(row.paidMinor, row.currency),
        payable: payableOf(row),
        problem,
      };
    });
  }

  /**
   * The path of the payment page for what is to be paid now; `undefined` when there is nothing to pay.
   * @throws what `CheckoutSessions.create` throws
   */
  async pay({ tenantId, invoiceId }: OpenedInvoice): Promise<string | undefined> {
    const { payable, last, isBusy, returnUrl } = await this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOneOrFail(InvoiceEntity, { id: invoiceId });
      return { payable: payableOf(row), ...(await lastSession(tx, row)), returnUrl: payUrlOf(row, this.config.publicUrl) };
    });
    if (last?.session.state === 'open' && isBusy) return this.#pathOf(tenantId, last.session.id);
    if (payable.minor <= 0n) return undefined;
    if (last?.session.state === 'open') {
      const { amountMinor, expiresAt } = last.session;
      const lasts = expiresAt.getTime() - this.clock.now().getTime() >= LEAST_LEFT_MS;
      if (amountMinor === payable.minor && lasts) return this.#pathOf(tenantId, last.session.id);
      if (!(await this.#takeBack(tenantId, last.session.id, invoiceId))) return this.#pathOf(tenantId, last.session.id);
    }
    const { link } = await this.links.make(tenantId, {
      invoiceId,
      days: SESSION_DAYS,
      requestKey: keyOf(invoiceId, Math.min((last?.number ?? 0) + 1, MOST_SESSIONS)),
      actor: payerOf(idOf('inv', invoiceId)),
      returnUrl,
    });
    return new URL(link).pathname;
  }

  /** False when a bank has become busy with its payment meanwhile. */
  async #takeBack(tenantId: string, sessionId: string, invoiceId: string): Promise<boolean> {
    try {
      await this.sessions.cancel(tenantId, sessionId, payerOf(idOf('inv', invoiceId)));
      return true;
    } catch (error) {
      if (isKassaflowError(error, 'checkout.closed')) return true;
      if (isKassaflowError(error, 'checkout.under-way')) return false;
      throw error;
    }
  }

  async #pathOf(tenantId: string, sessionId: string): Promise<string> {
    return `/pay/${await this.tokens.pageToken(tenantId, sessionId)}`;
  }
}

function keyOf(invoiceId: string, number: number): string {
  return `invoice-page:${idOf('inv', invoiceId)}:${number}`;
}

interface LastSession {
  readonly last: { readonly session: CheckoutSessionRow; readonly number: number } | undefined;
  /** A bank or a person is busy with its payment. */
  readonly isBusy: boolean;
}

async function lastSession(tx: Transaction, { id }: InvoiceRow): Promise<LastSession> {
  const keys = Array.from({ length: MOST_SESSIONS }, (_, index) => keyOf(id, index + 1));
  const sessions = await tx.em.find(CheckoutSessionEntity, { requestKey: { $in: keys } });
  const session = sessions.toSorted((a, b) => keys.indexOf(b.requestKey) - keys.indexOf(a.requestKey))[0];
  if (!session) return { last: undefined, isBusy: false };
  const attempts = await attemptsOf(tx, session.id);
  const isBusy = attempts.some(({ payment }) => payment && isUnderWay(payment));
  return { last: { session, number: keys.indexOf(session.requestKey) + 1 }, isBusy };
}
