/** The table `connection_health`: how a connection stands at its provider. One function per statement; the states are in README.md. */
import type { Transaction } from '../../platform/database/transaction.ts';

/** How the webhook of a connection stands. */
export interface ConnectionHealth {
  readonly connectionId: string;
  readonly webhookState: 'pending' | 'registered' | 'failed';
  /** The address that was asked for last. */
  readonly webhookUrl: string | null;
  /** Since when the provider has this registration. */
  readonly registeredAt: Date | null;
  /** Why it is not registered. */
  readonly problem: string | null;
  /** To the minute. */
  readonly deliveredAt: Date | null;
  /** When a delivery was last refused, to the minute, and why. */
  readonly refusedAt: Date | null;
  readonly refusal: string | null;
  /** Looks that failed, in a row. */
  readonly failures: number;
}

/** What a look found. */
export interface Finding {
  /** `unasked`: the provider could not be asked, so what was true stays true. */
  readonly kind: 'registered' | 'refused' | 'unasked';
  readonly url: string;
  /** The provider's id of the registration, when there is one. */
  readonly webhookId?: string;
  readonly problem?: string;
  readonly dueAt: Date;
}

/** Whoever makes a connection looks at it at once; this long after it somebody else does, should that one have died. */
const BEGUN_MS = 10_000;
/** A refused delivery leads to a look, and no more often than this: whoever finds the address can send any number of them. */
const LOOKS_APART = '15 minutes';

const COLUMNS = `connection_id as "connectionId", webhook_state as "webhookState", webhook_url as "webhookUrl", registered_at as "registeredAt",
  problem, delivered_at as "deliveredAt", refused_at as "refusedAt", refusal, failures`;

/** For a new connection. */
export async function beginHealth(tx: Transaction, connectionId: string, now: Date): Promise<void> {
  await tx.query('insert into connection_health (connection_id, tenant_id, due_at) values ($1, $2, $3) on conflict do nothing', [
    connectionId,
    tx.tenantId,
    new Date(now.getTime() + BEGUN_MS),
  ]);
}

/** Of a connection that was just removed: its webhook is to be taken back now. False when its provider never had our address. */
export async function beginLeaving(tx: Transaction, connectionId: string, now: Date): Promise<boolean> {
  const rows = await tx.query(
    'update connection_health set due_at = $2, failures = 0 where connection_id = $1 and webhook_url is not null returning 1 as left',
    [connectionId, now],
  );
  return rows.length === 1;
}

/** Ends a try to take the webhook of a removed connection back; it is tried again at `dueAt`. */
export async function leaveLater(tx: Transaction, connectionId: string, now: Date, dueAt: Date): Promise<void> {
  await tx.query(
    'update connection_health set busy_until = null, looked_at = $2, due_at = $3, failures = failures + 1 where connection_id = $1',
    [connectionId, now, dueAt],
  );
}

/** Of every connection of the tenant. */
export function allHealth(tx: Transaction): Promise<ConnectionHealth[]> {
  return tx.query<ConnectionHealth>(`select ${COLUMNS} from connection_health`);
}

/** Takes a connection to look at until `until`; `undefined` while another looks. */
export async function takeLook(tx: Transaction, connectionId: string, now: Date, until: Date): Promise<ConnectionHealth | undefined> {
  const [row] = await tx.query<ConnectionHealth>(
    `insert into connection_health as h (connection_id, tenant_id, due_at, busy_until) values ($1, $2, $3, $4)
     on conflict (connection_id) do update set busy_until = $4 where h.busy_until is null or h.busy_until <= $3 returning ${COLUMNS}`,
    [connectionId, tx.tenantId, now, until],
  );
  return row;
}

/** Says that a look is still under way. */
export async function renewLook(tx: Transaction, connectionId: string, until: Date): Promise<void> {
  await tx.query('update connection_health set busy_until = $2 where connection_id = $1 and busy_until is not null', [connectionId, until]);
}

/** Ends a look at a connection of which there was nothing to find out about webhooks. */
export async function endLook(tx: Transaction, connectionId: string, now: Date, dueAt: Date): Promise<void> {
  await tx.query('update connection_health set busy_until = null, looked_at = $2, due_at = $3, failures = 0 where connection_id = $1', [
    connectionId,
    now,
    dueAt,
  ]);
}

/** Ends a look with what was found. */
export async function recordFinding(tx: Transaction, connectionId: string, now: Date, finding: Finding): Promise<void> {
  const { kind, url, webhookId, problem, dueAt } = finding;
  await tx.query(
    `update connection_health set busy_until = null, looked_at = $2, due_at = $3, webhook_url = $4, problem = $7,
       failures = case $5 when 'registered' then 0 else failures + 1 end,
       webhook_state = case when $5 = 'registered' then 'registered' when $5 = 'refused' then 'failed'
         when webhook_url = $4 then webhook_state else 'pending' end,
       registered_at = case when $5 = 'registered' then case when webhook_id = $6 and webhook_url = $4 then coalesce(registered_at, $2) else $2 end
         when $5 = 'unasked' and webhook_url = $4 then registered_at end,
       webhook_id = case when $5 = 'registered' then $6 when $5 = 'unasked' and webhook_url = $4 then webhook_id end
     where connection_id = $1`,
    [connectionId, now, dueAt, url, kind, webhookId ?? null, problem ?? null],
  );
}

/** Asks for a look at `at` or before. */
export async function lookBy(tx: Transaction, connectionId: string, at: Date): Promise<void> {
  await tx.query('update connection_health set due_at = least(due_at, $2) where connection_id = $1', [connectionId, at]);
}

export async function noteDelivered(tx: Transaction, connectionId: string, now: Date): Promise<void> {
  await tx.query('update connection_health set delivered_at = $2 where connection_id = $1', [connectionId, now]);
}

/** @param needsLook the registration may be gone, or its secret another one */
export async function noteRefused(tx: Transaction, connectionId: string, now: Date, reason: string, needsLook: boolean): Promise<void> {
  await tx.query(
    `update connection_health set refused_at = $2, refusal = $3,
       due_at = case when $4 and coalesce(looked_at, '-infinity') < $2::timestamptz - interval '${LOOKS_APART}' then least(due_at, $2) else due_at end
     where connection_id = $1`,
    [connectionId, now, reason, needsLook],
  );
}
