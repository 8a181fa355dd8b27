/** The payments of a session, in SQL: an attempt is written down before its payment is made, and finds it by the request key. */
import type { DeclineReason } from '@kassaflow/plugin-sdk';
import type { Transaction } from '../../platform/database/transaction.ts';
import type { PaymentSubject } from '../../events/catalogue/subjects.ts';

/** One attempt to pay a session. */
export interface SessionAttempt {
  readonly choice: string;
  readonly number: number;
  readonly requestKey: string;
  readonly startedAt: Date;
  /** Absent while, or because, it could not be made. */
  readonly payment:
    | { readonly id: string; readonly state: PaymentSubject['status']; readonly mismatched: boolean; readonly reason: DeclineReason | '' }
    | undefined;
}

/** Oldest first. */
export async function attemptsOf(tx: Transaction, sessionId: string): Promise<SessionAttempt[]> {
  const rows = await tx.query<{
    choice: string;
    number: number;
    request_key: string;
    started_at: Date;
    id: string | null;
    state: PaymentSubject['status'];
    mismatched: boolean;
    reason: DeclineReason | null;
  }>(
    `select a.choice, a.number, a.request_key, a.started_at, p.id, p.state, p.mismatched, p.failure ->> 'reason' as reason
     from checkout_attempt a left join payment p on p.tenant_id = a.tenant_id and p.request_key = a.request_key
     where a.session_id = $1 order by a.started_at, a.number`,
    [sessionId],
  );
  return rows.map((row) => ({
    choice: row.choice,
    number: row.number,
    requestKey: row.request_key,
    startedAt: row.started_at,
    payment: row.id === null ? undefined : { id: row.id, state: row.state, mismatched: row.mismatched, reason: row.reason ?? '' },
  }));
}

/** Writes down that a payment is about to be made; the same attempt again changes nothing. The session's row must be locked. */
export async function beginSessionAttempt(
  tx: Transaction,
  attempt: {
    readonly sessionId: string;
    readonly choice: string;
    readonly number: number;
    readonly requestKey: string;
    readonly now: Date;
  },
): Promise<void> {
  await tx.query(
    `insert into checkout_attempt (session_id, choice, number, tenant_id, request_key, started_at) values ($1, $2, $3, $4, $5, $6)
     on conflict do nothing`,
    [attempt.sessionId, attempt.choice, attempt.number, tx.tenantId, attempt.requestKey, attempt.now],
  );
}

/** The session for which a payment was made. */
export async function sessionOfRequest(tx: Transaction, requestKey: string): Promise<string | undefined> {
  const [row] = await tx.query<{ session_id: string }>('select session_id from checkout_attempt where request_key = $1', [requestKey]);
  return row?.session_id;
}
