/**
 * Calls to a provider, written down before they are made.
 *
 * An attempt row with its idempotency key and its request is committed in state `sending`; then the call leaves. Whoever
 * dies in between leaves a row that says so:
 *
 * - `sending`: the call may be under way, or its caller is dead. Nobody else touches it before `next_at`.
 * - `unknown`: the provider may have carried it out. Inside the key window the same bytes are sent again with the same key,
 *   which changes nothing when it had been; later the provider is asked by our reference.
 * - `done`, `failed`: settled. Only after `failed`, a definite no, may a new attempt with a new number be made.
 *
 * `next_at` is the lease (`platform/lease.ts`): beginning or taking an attempt moves it into the future in the same statement,
 * and the call moves it on as long as it lasts. One that dies gives the attempt back by doing nothing. Should two processes
 * send it at the same time all the same, both do so with the same key.
 */
import type { Outcome } from '@kassaflow/plugin-sdk';
import { idOf } from '../../kernel/ids.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database, Transaction } from '../../platform/database/transaction.ts';
import { LEASE_MS, underLease } from '../../platform/lease.ts';
import type { ProviderCalls, ProviderMethod } from '../../plugin-host/provider-calls.ts';

export type Operation = 'create' | 'charge' | 'capture' | 'cancel' | 'refund';

export interface Attempt {
  readonly paymentId: string;
  readonly operation: Operation;
  readonly number: number;
  readonly refundId: string | null;
  readonly idempotencyKey: string;
  /** JSON, as it was first sent. */
  readonly request: string;
  readonly startedAt: Date;
  readonly tries: number;
}

/** How long one call may take. */
export const CALL_TIMEOUT_MS = 15_000;

/** Records an attempt that is about to be sent. The payment's row must be locked or new. */
export async function beginAttempt(
  tx: Transaction,
  attempt: {
    readonly paymentId: string;
    readonly operation: Operation;
    readonly request: unknown;
    readonly refundId?: string;
    /** The request that asks for it, where no other row remembers that. */
    readonly requestKey?: string;
    readonly now: Date;
  },
): Promise<Attempt> {
  const [row] = await tx.query<{ next: number }>(
    'select coalesce(max(number), 0) + 1 as next from payment_attempt where payment_id = $1 and operation = $2',
    [attempt.paymentId, attempt.operation],
  );
  const number = row?.next ?? 1;
  const begun: Attempt = {
    paymentId: attempt.paymentId,
    operation: attempt.operation,
    number,
    refundId: attempt.refundId ?? null,
    idempotencyKey: `${idOf('pay', attempt.paymentId)}:${attempt.operation}:${number}`,
    request: JSON.stringify(attempt.request),
    startedAt: attempt.now,
    tries: 1,
  };
  await tx.query(
    `insert into payment_attempt (payment_id, operation, number, tenant_id, refund_id, idempotency_key, request, state, started_at, next_at, request_key, connection_id)
     select $1, $2, $3, $4, $5, $6, $7, 'sending', $8, $9, $10, p.connection_id from payment p where p.id = $1`,
    [
      begun.paymentId,
      begun.operation,
      number,
      tx.tenantId,
      begun.refundId,
      begun.idempotencyKey,
      begun.request,
      begun.startedAt,
      new Date(begun.startedAt.getTime() + LEASE_MS),
      attempt.requestKey ?? null,
    ],
  );
  return begun;
}

/** What it takes to send an attempt. */
export interface Sender {
  readonly database: Database;
  readonly calls: ProviderCalls;
  readonly clock: Clock;
}

/** Sends an attempt, the first time or again with the same key, and returns what that says about it. */
export async function sendRecorded<T>(
  { database, calls, clock }: Sender,
  connection: { readonly tenantId: string; readonly connectionId: string },
  method: ProviderMethod,
  attempt: Attempt,
): Promise<Outcome<T>> {
  const outcome = await underLease(
    () => database.transact(connection.tenantId, (tx) => renew(tx, attempt, clock.now())),
    () =>
      calls.call<T>({
        ...connection,
        method,
        input: JSON.parse(attempt.request),
        idempotencyKey: attempt.idempotencyKey,
        attempt: attempt.tries,
        timeoutMs: CALL_TIMEOUT_MS,
      }),
  );
  return concluded(attempt, outcome);
}

/**
 * What a call says about its attempt. A repeat that was not carried out (no connection, plugin away, credentials refused)
 * says nothing about the call before it, which may have been: that stays unknown. Only the provider's own no settles it.
 */
function concluded<T>(attempt: Attempt, outcome: Outcome<T>): Outcome<T> {
  if (outcome.kind !== 'failed' || attempt.tries === 1) return outcome;
  const isRefusal = outcome.reason === 'input' || outcome.reason === 'permanent';
  return isRefusal && !isOurs(outcome) ? outcome : { kind: 'unknown', message: outcome.message };
}

/** A failure on our side of the wire: the provider has not seen the call. */
export function isOurs({ code = '' }: { readonly code?: string }): boolean {
  return /^(action|connection|egress|plugin)\./.test(code);
}

/** What the request with this key came to, when it made an attempt. `message` is what the provider said against it. */
export async function attemptOfRequest(
  tx: Transaction,
  requestKey: string,
): Promise<{ readonly state: 'sending' | 'done' | 'failed' | 'unknown'; readonly message: string } | undefined> {
  const [row] = await tx.query<{ state: 'sending' | 'done' | 'failed' | 'unknown'; message: string }>(
    `select state, coalesce(outcome ->> 'message', '') as message from payment_attempt where request_key = $1`,
    [requestKey],
  );
  return row;
}

/** Tells whether a call that opens, captures or cancels the payment may still be under way. The payment's row must be locked. */
export async function hasOpenAttempt(tx: Transaction, paymentId: string): Promise<boolean> {
  const rows = await tx.query(
    `select 1 from payment_attempt where payment_id = $1 and operation <> 'refund' and state in ('sending', 'unknown') limit 1`,
    [paymentId],
  );
  return rows.length > 0;
}

/** Records what an attempt came to, and tells whether it was open until now. An unknown one is looked at again later. */
export async function recordOutcome(tx: Transaction, attempt: Attempt, outcome: Outcome<unknown>, now: Date): Promise<boolean> {
  const state = outcome.kind === 'ok' ? 'done' : outcome.kind === 'unknown' ? 'unknown' : 'failed';
  const settled = state !== 'unknown';
  // The value stays out: it is in the payment, and may hold a client secret.
  const kept = outcome.kind === 'ok' ? { kind: 'ok', reference: outcome.reference } : outcome;
  const rows = await tx.query(
    `update payment_attempt set state = $4, outcome = $5::jsonb, finished_at = $6, next_at = $7
     where payment_id = $1 and operation = $2 and number = $3 and state in ('sending', 'unknown') returning 1`,
    [
      attempt.paymentId,
      attempt.operation,
      attempt.number,
      state,
      JSON.stringify(kept),
      settled ? now : null,
      settled ? null : new Date(now.getTime() + backOffMs(attempt.tries)),
    ],
  );
  return rows.length > 0;
}

/** Takes the attempt that has been due the longest, for this process, until its lease ends. */
export async function takeDueAttempt(tx: Transaction, now: Date): Promise<Attempt | undefined> {
  const [row] = await tx.query<AttemptRow>(
    // Materialized: as the inner side of a join the limit would hold for each outer row, and others would be taken too and forgotten.
    `with due as materialized (
       select payment_id, operation, number from payment_attempt where next_at <= $1 and state in ('sending', 'unknown')
       order by next_at limit 1 for update skip locked)
     update payment_attempt a set next_at = $2, tries = tries + 1 from due
     where (a.payment_id, a.operation, a.number) = (due.payment_id, due.operation, due.number)
     returning a.payment_id, a.operation, a.number, a.refund_id, a.idempotency_key, a.request, a.started_at, a.tries`,
    [now, new Date(now.getTime() + LEASE_MS)],
  );
  return (
    row && {
      paymentId: row.payment_id,
      operation: row.operation,
      number: row.number,
      refundId: row.refund_id,
      idempotencyKey: row.idempotency_key,
      request: row.request,
      startedAt: row.started_at,
      tries: row.tries,
    }
  );
}

async function renew(tx: Transaction, { paymentId, operation, number }: Attempt, now: Date): Promise<void> {
  await tx.query(
    `update payment_attempt set next_at = $4
     where payment_id = $1 and operation = $2 and number = $3 and state in ('sending', 'unknown')`,
    [paymentId, operation, number, new Date(now.getTime() + LEASE_MS)],
  );
}

/** 1, 5, 30 minutes, 2 hours, then daily: how often an unknown outcome is asked about. */
function backOffMs(tries: number): number {
  const minutes = [1, 5, 30, 120][tries - 1] ?? 1_440;
  return minutes * 60_000;
}

interface AttemptRow {
  payment_id: string;
  operation: Operation;
  number: number;
  refund_id: string | null;
  idempotency_key: string;
  request: string;
  started_at: Date;
  tries: number;
}
