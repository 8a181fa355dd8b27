/**
 * The addresses of receipts' pages, `/receipts/{token}`.
 *
 * A token is the payment's id and 128 random bits that are stored with the receipt. They are stored as they are: the events carry the address, because
 * letters are written from them, so a hash would hide it from nobody. Another secret (`Receipts.renewLink`) closes the old address; and a page closes
 * by itself KASSAFLOW_RECEIPT_PAGE_DAYS after the newest version, and opens again for as long when another correction comes.
 */
import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { Database } from '../../platform/database/transaction.ts';
import { NO_TENANT } from '../../platform/tenancy/no-tenant.ts';

/** What an address opens. */
export interface OpenedReceipt {
  readonly tenantId: string;
  readonly paymentId: string;
}

const TOKEN = /^([0-7][0-9a-hjkmnp-tv-z]{25})([\w-]{22})$/;
const DAY_MS = 86_400_000;

@Injectable()
export class ReceiptLinks {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The receipt behind an address; `undefined` when there is none, or no longer, whatever is wrong with it. */
  async open(token: string): Promise<OpenedReceipt | undefined> {
    const [, id = '', secret = ''] = TOKEN.exec(token) ?? [];
    const paymentId = paymentIdOf(id);
    if (paymentId === undefined) return undefined;
    const [found] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ tenant: string | null }>('select find_receipt_tenant($1) as tenant', [paymentId]),
    );
    const tenantId = found?.tenant;
    if (!tenantId) return undefined;
    const [receipt] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ secret: string; changedAt: Date }>(
        'select link_secret as secret, changed_at as "changedAt" from receipt where payment_id = $1',
        [paymentId],
      ),
    );
    if (!receipt || !timingSafeEqual(Buffer.from(receipt.secret), Buffer.from(secret))) return undefined;
    const closesAt = receipt.changedAt.getTime() + this.config.receiptPageDays * DAY_MS;
    return this.clock.now().getTime() < closesAt ? { tenantId, paymentId } : undefined;
  }
}

function paymentIdOf(text: string): string | undefined {
  try {
    return uuidOf('rcp', `rcp_${text}`);
  } catch (error) {
    if (isKassaflowError(error)) return undefined;
    throw error;
  }
}
