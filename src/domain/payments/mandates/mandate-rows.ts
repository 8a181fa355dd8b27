/** How mandates are found. */
import { LockMode } from '@mikro-orm/core';
import { uuidOf } from '../../../kernel/ids.ts';
import type { Transaction } from '../../../platform/database/transaction.ts';
import { MandateEntity, type MandateRow } from './mandate.entity.ts';

/** Locks a mandate until the transaction ends. */
export function lockMandate(
  tx: Transaction,
  where: { readonly id: string } | { readonly connectionId: string; readonly providerId: string },
): Promise<MandateRow | null> {
  return tx.em.findOne(MandateEntity, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
}

/** Another mandate of ours that stands for the same permission at the provider. */
export async function sameAtProvider(
  tx: Transaction,
  { id, connectionId, providerId }: MandateRow,
  named: string,
): Promise<MandateRow | null> {
  if (providerId === named) return null;
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`mandate ${connectionId} ${named}`]);
  const other = await lockMandate(tx, { connectionId, providerId: named });
  return other?.id === id ? null : other;
}

/** Our id in a reference that a provider repeats; `undefined` for one that is not ours in form. */
export function mandateIdIn(reference: string): string | undefined {
  return /^man_[0-9a-hjkmnp-tv-z]{26}$/.test(reference) ? uuidOf('man', reference) : undefined;
}

/** The customer's newest that can be charged. */
export async function newestActive(tx: Transaction, customerId: string | undefined, now: Date): Promise<string | undefined> {
  if (customerId === undefined) return undefined;
  const where = { customerId, state: 'active' as const, lapsesAt: { $gt: now } };
  const [row] = await tx.em.find(MandateEntity, where, { orderBy: { id: 'desc' }, limit: 1 });
  return row?.id;
}

/** `next` is charged in place of the mandate `id` from now on, where it is another one of the same customer. */
export async function replaceBy(tx: Transaction, id: string | null | undefined, next: MandateRow): Promise<void> {
  if (id === null || id === undefined || id === next.id) return;
  await tx.em.flush();
  await tx.query('update mandate set replaced_by_id = $2 where id = $1 and customer_id = $3 and replaced_by_id is distinct from $2', [
    id,
    next.id,
    next.customerId,
  ]);
}

/** As far as mandates are followed that took each other's place. */
const LONGEST_LINE = 20;

/**
 * The newest of those that took the mandate's place and can be charged; the mandate itself when there is none. Nothing is locked: a
 * payment that leaves one behind locks that first, and this goes the other way.
 */
export async function newestInLine(tx: Transaction, id: string, now: Date): Promise<string> {
  const [row] = await tx.query<{ id: string }>(
    `with recursive line as (
       select id, replaced_by_id, state, lapses_at, 0 as place from mandate where id = $1
       union all
       select m.id, m.replaced_by_id, m.state, m.lapses_at, l.place + 1 from line l join mandate m on m.id = l.replaced_by_id where l.place < $3
     )
     select id from line where state = 'active' and lapses_at > $2 order by place desc limit 1`,
    [id, now, LONGEST_LINE],
  );
  return row?.id ?? id;
}

/** Which of these customers have one that can be charged. */
export async function withActiveMandate(tx: Transaction, customerIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(
    `select distinct customer_id as id from mandate where customer_id = any($1::uuid[]) and state = 'active'`,
    [[...customerIds]],
  );
  return new Set(rows.map(({ id }) => id));
}
