/**
 * Reading what a provider settled, as rows: which days, how far, by whom.
 *
 * | state | what is true |
 * |---|---|
 * | waiting | it is read, or is to be read at `next_at`; a report that is not ready, or a provider that is away, is asked again |
 * | done | every line of these days is here, held against our payments, and booked |
 * | failed | the provider says that it will never give them: no access, no such days |
 * | superseded | it did not come to its end before the next night, whose import reads its days too |
 *
 * While somebody works on one, `worker` names who, and `next_at` is the moment from which it is anybody's again. Each transaction of the
 * work begins with moving that moment on, so a worker that was taken over writes nothing any more.
 */
import { newUuid } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';

export type ImportState = 'waiting' | 'done' | 'failed' | 'superseded';

/** Who asked for it: the night, a person, or a signal of the provider (`signalled-imports.ts`). */
export type ImportOrigin = 'nightly' | 'hand' | 'signal';

export interface SettlementImport {
  readonly id: string;
  readonly connectionId: string;
  readonly origin: ImportOrigin;
  /** As `2026-11-30`, both included. */
  readonly firstDay: string;
  readonly lastDay: string;
  readonly state: ImportState;
  /** Where reading goes on. */
  readonly page: string | null;
  readonly pages: number;
  readonly lines: number;
  readonly failures: number;
  readonly nextAt: Date | null;
  readonly problem: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** How long an import stays with a worker that gives no sign of life. It is not money that waits, so this is longer than usual. */
export const IMPORT_LEASE_MS = 15_000;

const COLUMNS = `i.id, i.connection_id as "connectionId", i.origin, i.first_day as "firstDay", i.last_day as "lastDay", i.state, i.page, i.pages,
  i.lines, i.failures, i.next_at as "nextAt", i.problem, i.created_at as "createdAt", i.ended_at as "endedAt"`;

export interface NewImport {
  readonly connectionId: string;
  readonly origin: ImportOrigin;
  readonly firstDay: string;
  readonly lastDay: string;
  readonly actor: string;
  readonly nextAt: Date;
  readonly now: Date;
  readonly requestKey?: string;
}

/** Returns the id; `undefined` when there is one for this night already, or one that waits for a signal. */
export async function insertImport(tx: Transaction, wanted: NewImport): Promise<string | undefined> {
  const [row] = await tx.query<{ id: string }>(
    `insert into settlement_import (id, tenant_id, connection_id, origin, first_day, last_day, actor, next_at, created_at, request_key)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning id`,
    [
      newUuid(),
      tx.tenantId,
      wanted.connectionId,
      wanted.origin,
      wanted.firstDay,
      wanted.lastDay,
      wanted.actor,
      wanted.nextAt,
      wanted.now,
      wanted.requestKey ?? null,
    ],
  );
  return row?.id;
}

/** Nightly imports of earlier nights that did not come to their end. */
export async function supersedeNightly(tx: Transaction, connectionId: string, before: string, now: Date): Promise<void> {
  await tx.query(
    `update settlement_import set state = 'superseded', next_at = null, worker = null, page = null, ended_at = $3
     where connection_id = $1 and origin = 'nightly' and state = 'waiting' and last_day < $2`,
    [connectionId, before, now],
  );
}

/** The last day of the newest nightly import that is done. */
export async function lastNightlyDay(tx: Transaction, connectionId: string): Promise<string | undefined> {
  const [row] = await tx.query<{ day: string | null }>(
    `select max(last_day) as day from settlement_import where connection_id = $1 and origin = 'nightly' and state = 'done'`,
    [connectionId],
  );
  return row?.day ?? undefined;
}

/** Has imports that the provider put off looked at by `at`: it may be ready now. */
export async function hastenImports(tx: Transaction, connectionId: string, at: Date): Promise<void> {
  await tx.query(
    `update settlement_import set next_at = $2
     where connection_id = $1 and origin <> 'signal' and state = 'waiting' and worker is null and failures > 0 and next_at > $2`,
    [connectionId, at],
  );
}

/** When the newest import that a signal asked for came to its end, and whether it is in somebody's hands. */
export async function newestSignalled(
  tx: Transaction,
  connectionId: string,
): Promise<{ readonly endedAt: Date | null; readonly isBegun: boolean } | undefined> {
  const [row] = await tx.query<{ endedAt: Date | null; isBegun: boolean }>(
    `select ended_at as "endedAt", state = 'waiting' and worker is not null as "isBegun" from settlement_import
     where connection_id = $1 and origin = 'signal' order by created_at desc limit 1 for update`,
    [connectionId],
  );
  return row;
}

/** Takes the import that has been due for longest and whose connection nobody else reads. */
export async function takeDueImport(tx: Transaction, worker: string, now: Date): Promise<SettlementImport | undefined> {
  const due = await tx.query<{ id: string; connection: string }>(
    `select i.id, i.connection_id as connection from settlement_import i where i.next_at <= $1
       and not exists (select from settlement_import o where o.connection_id = i.connection_id and o.worker is not null and o.next_at > $1)
     order by i.next_at, i.id limit 20`,
    [now],
  );
  for (const { id, connection } of due) {
    // One reader for each connection: two that take imports of it at the same time must not both find it free.
    const [free] = await tx.query<{ free: boolean }>('select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as free', [
      `settlements ${connection}`,
    ]);
    if (!free?.free) continue;
    const [row] = await tx.query<SettlementImport>(
      `update settlement_import i set worker = $2, next_at = $4,
         pages = case when i.page is null then 0 else i.pages end, lines = case when i.page is null then 0 else i.lines end
       where i.id = $1 and i.next_at <= $3
         and not exists (select from settlement_import o where o.connection_id = i.connection_id and o.worker is not null and o.next_at > $3)
       returning ${COLUMNS}`,
      [id, worker, now, new Date(now.getTime() + IMPORT_LEASE_MS)],
    );
    if (row) return row;
  }
  return undefined;
}

/** Moves the lease on and holds the row until the transaction ends; `false` when it belongs to somebody else by now. */
export async function holdImport(tx: Transaction, id: string, worker: string, now: Date): Promise<boolean> {
  const rows = await tx.query(
    `update settlement_import set next_at = $3 where id = $1 and worker = $2 and state = 'waiting' returning id`,
    [id, worker, new Date(now.getTime() + IMPORT_LEASE_MS)],
  );
  return rows.length > 0;
}

/** A page is stored; reading goes on at `page`. */
export async function advanceImport(tx: Transaction, id: string, page: string | undefined, lines: number): Promise<void> {
  await tx.query('update settlement_import set page = $2, pages = pages + 1, lines = lines + $3, problem = null where id = $1', [
    id,
    page ?? null,
    lines,
  ]);
}

/** Begins anew at `nextAt`: a page in the middle may not be there any more. */
export async function postponeImport(tx: Transaction, id: string, problem: string, nextAt: Date): Promise<void> {
  await tx.query(
    `update settlement_import set page = null, pages = 0, lines = 0, failures = failures + 1, worker = null, problem = $2, next_at = $3
     where id = $1 and state = 'waiting'`,
    [id, problem, nextAt],
  );
}

export async function endImport(tx: Transaction, id: string, state: 'done' | 'failed', problem: string | null, now: Date): Promise<void> {
  await tx.query(
    `update settlement_import set state = $2, page = null, worker = null, next_at = null, problem = $3, ended_at = $4
     where id = $1 and state = 'waiting'`,
    [id, state, problem, now],
  );
}

export async function findImport(
  tx: Transaction,
  by: { readonly id: string } | { readonly requestKey: string },
): Promise<SettlementImport | undefined> {
  const [row] = await tx.query<SettlementImport>(
    'id' in by
      ? `select ${COLUMNS} from settlement_import i where i.id = $1`
      : `select ${COLUMNS} from settlement_import i where i.request_key = $1`,
    ['id' in by ? by.id : by.requestKey],
  );
  return row;
}

/** Newest first. */
export function listImports(
  tx: Transaction,
  page: { readonly limit: number; readonly after?: string | undefined; readonly connectionId?: string | undefined },
): Promise<SettlementImport[]> {
  return tx.query<SettlementImport>(
    `select ${COLUMNS} from settlement_import i where ($1::uuid is null or i.id < $1) and ($2::uuid is null or i.connection_id = $2)
     order by i.id desc limit $3`,
    [page.after ?? null, page.connectionId ?? null, page.limit],
  );
}
