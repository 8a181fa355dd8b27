/** The attempts to open one payment: as people see them, and how often one was sent. */
import type { Transaction } from '../../../platform/database/transaction.ts';
import type { Attempt } from '../payment-attempts.ts';

/** One call that was to open a payment, or several with the same key. */
export interface ShownAttempt {
  /** Name of the connection. */
  readonly connection: string;
  readonly status: 'sending' | 'done' | 'failed' | 'unknown';
  readonly startedAt: string;
  /** What was said against it. */
  readonly problem: string | null;
}

/** The attempts to open a payment, the first one first. */
export async function openingAttempts(tx: Transaction, paymentId: string): Promise<ShownAttempt[]> {
  const rows = await tx.query<{ name: string | null; state: ShownAttempt['status']; started_at: Date; message: string | null }>(
    `select c.name, a.state, a.started_at, a.outcome ->> 'message' as message
     from payment_attempt a left join connection c on c.id = a.connection_id
     where a.payment_id = $1 and a.operation in ('create', 'charge') order by a.number`,
    [paymentId],
  );
  return rows.map(({ name, state, started_at: startedAt, message }) => ({
    connection: name ?? '',
    status: state,
    startedAt: startedAt.toISOString(),
    problem: message,
  }));
}

/** How often an attempt was sent, by everybody. Nobody begins to send it again until the transaction ends. */
export async function triesOf(tx: Transaction, { paymentId, operation, number }: Attempt): Promise<number> {
  const [row] = await tx.query<{ tries: number }>(
    'select tries from payment_attempt where payment_id = $1 and operation = $2 and number = $3 for update',
    [paymentId, operation, number],
  );
  return row?.tries ?? 0;
}
