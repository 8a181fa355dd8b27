import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, Posted, Posting } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { parseMoney, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import type { ActionCall } from '../../plugin-host/action-call.ts';
import { ProviderCalls, type ProviderMethod } from '../../plugin-host/provider-calls.ts';
import { Ledger } from '../ledger/index.ts';
import { Refunds } from '../payments/index.ts';
import { entriesFor, journalOf, postingLines, type PostingSubject } from './posting.ts';

export const accountingErrors = defineErrors('accounting', {
  'one-subject': {
    status: 422,
    title: 'A posting is about one payment, one invoice or one refund',
    remedy: 'fix',
    help: 'Give exactly one of payment, invoice and refund.',
  },
  'nothing-to-post': {
    status: 409,
    title: 'Our books have no entry for this yet',
    remedy: 'fix',
    help: 'A payment is posted after it completed, an invoice after it was issued, a refund after it completed.',
  },
});

/** What a flow wants posted. Ids are on the wire form. */
export interface PostingWish {
  readonly payment?: string;
  readonly invoice?: string;
  readonly refund?: string;
  readonly journal?: string;
  readonly description?: string;
}

/** Posts our own entries to the books of an accounting package, through the tenant's connection to it. */
@Injectable()
export class AccountingPostings {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly ledger: Ledger,
    private readonly refunds: Refunds,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws accounting.one-subject, accounting.nothing-to-post, refund.not-found */
  async post(call: ActionCall, wish: PostingWish): Promise<Outcome<Posted>> {
    return this.#call(call, 'accounting.post', await this.posting(call.tenantId, wish));
  }

  /** What an earlier `post` of the same wish wrote; `ok` with `undefined` when the package proves that it wrote nothing. */
  find(call: ActionCall, reference: string): Promise<Outcome<Posted | undefined>> {
    return this.#call(call, 'accounting.find', { reference });
  }

  async reverse(call: ActionCall, wish: { readonly entry: string; readonly reason: string }): Promise<Outcome<Posted>> {
    const date = await this.database.transact(call.tenantId, (tx) => localDate(tx, this.clock.now()));
    return this.#call(call, 'accounting.reverse', { ...wish, reference: reversalReference(wish.entry), date });
  }

  /** The posting that `wish` comes to: the same whenever it is asked for, so that a repeat is recognised by its reference. */
  async posting(tenantId: string, wish: PostingWish): Promise<Posting> {
    const { subject, id } = subjectOf(wish);
    const refund = subject === 'refund' ? await this.refunds.get(tenantId, uuidOf('ref', id)) : undefined;
    const refunded: Money | undefined = refund && parseMoney(refund.amount);
    return this.database.transact(tenantId, async (tx) => {
      const entries = entriesFor(
        subject,
        await this.ledger.entriesOf(tx, refund ? `payment/${refund.payment}` : `${subject}/${id}`),
        refunded,
      );
      const last = entries.at(-1);
      if (!last) throw accountingErrors['nothing-to-post']({ subject, id });
      return {
        reference: id,
        journal: wish.journal ?? journalOf(subject),
        date: await localDate(tx, last.effectiveAt),
        description: wish.description ?? last.description,
        lines: postingLines(entries),
      };
    });
  }

  #call<T>(
    { tenantId, connectionId = '', idempotencyKey, attempt, timeoutMs }: ActionCall,
    method: ProviderMethod,
    input: unknown,
  ): Promise<Outcome<T>> {
    return this.calls.call<T>({ tenantId, connectionId, method, input, idempotencyKey, attempt, timeoutMs });
  }
}

/** The reference under which a reversal of `entry` is found again. */
export function reversalReference(entry: string): string {
  return `${entry}-reversal`;
}

/** @throws accounting.one-subject */
export function subjectOf({ payment, invoice, refund }: PostingWish): { readonly subject: PostingSubject; readonly id: string } {
  const given = (
    [
      ['payment', payment],
      ['invoice', invoice],
      ['refund', refund],
    ] as const
  ).flatMap(([subject, id]) => (id === undefined ? [] : [{ subject, id }]));
  const [only, another] = given;
  if (!only || another) throw accountingErrors['one-subject']({ given: given.length });
  return only;
}

/** A day by the tenant's calendar: `2026-11-20`. */
async function localDate(tx: Transaction, at: Date): Promise<string> {
  const [row] = await tx.query<{ day: string }>(
    `select to_char($1::timestamptz at time zone time_zone, 'YYYY-MM-DD') as day from tenant where id = $2`,
    [at, tx.tenantId],
  );
  return row?.day ?? '';
}
