/**
 * When a provider is asked about a payment although nobody told us to: webhooks get lost.
 *
 * A payment has a row in `payment_check` while something about it is open: it waits for money, or a refund of it is under
 * way. The row says since when that is so and when the provider is asked next: after a minute, five, half an hour, two hours,
 * then every six hours, until it is settled or for 30 days.
 *
 * Several processes share the work. Whoever takes a row claims it for a minute, asks, and only then writes when to ask next; a process
 * that dies in between leaves the question to the others once the minute is over. Whatever else moves the moment meanwhile
 * ({@link beginChecks}, {@link checkBy}) ends the claim, and what the one who asked writes at last finds nothing to move. A payment that is
 * asked about within the minute anyway is moved on at once: there the next question stands in for the one that was lost.
 *
 * A settled payment has a row for one more look, where a signal came and the fetch after it brought no news ({@link checkBy}).
 *
 * A provider without webhooks tells nothing by itself (`payment.polled`), and somebody looks at a screen meanwhile. It is asked every two
 * seconds for two minutes, every five until ten minutes, every fifteen until half an hour, every minute until two hours, and from then on
 * like the others. That is at most 30 questions a minute about one payment; the strictest limit that we know is 120 (Vipps MobilePay).
 */
import type { Transaction } from '../../platform/database/transaction.ts';
import type { PaymentRow } from './payment.entity.ts';

const MINUTE_MS = 60_000;
/** The first pauses; from then on {@link STEADY_PAUSE_MS}. */
const FIRST_PAUSES_MS = [1, 5, 30, 120].map((minutes) => minutes * MINUTE_MS);
const STEADY_PAUSE_MS = 6 * 60 * MINUTE_MS;
/** Longer than any payment page or bank transfer stays open. */
const ASK_FOR_MS = 30 * 24 * 60 * MINUTE_MS;

/** For so long a question belongs to who took it: four calls that get no answer. */
const CLAIM_MS = MINUTE_MS;

const SECOND_MS = 1_000;
/** Until which age which pause, for a provider that tells nothing by itself. */
const POLLS_MS = [
  [2 * MINUTE_MS, 2 * SECOND_MS],
  [10 * MINUTE_MS, 5 * SECOND_MS],
  [30 * MINUTE_MS, 15 * SECOND_MS],
  [120 * MINUTE_MS, MINUTE_MS],
] as const;

/** The first moment after `now` at which to ask about something open `since`; `null` when it is given up. */
export function nextCheck(since: Date, now: Date, polled = false): Date | null {
  const age = now.getTime() - since.getTime();
  const poll = polled ? POLLS_MS.find(([until]) => age < until) : undefined;
  if (poll) return new Date(since.getTime() + (Math.floor(age / poll[1]) + 1) * poll[1]);
  let due = 0;
  for (const pause of FIRST_PAUSES_MS) {
    due += pause;
    if (due > age) return new Date(since.getTime() + due);
  }
  due += (Math.floor((age - due) / STEADY_PAUSE_MS) + 1) * STEADY_PAUSE_MS;
  return due <= ASK_FOR_MS ? new Date(since.getTime() + due) : null;
}

/** Something new is open at the payment from `now` on: the pauses begin anew. */
export async function beginChecks(tx: Transaction, payment: Pick<PaymentRow, 'id' | 'polled'>, now: Date): Promise<void> {
  await tx.query(
    `insert into payment_check (payment_id, tenant_id, since, next_at) values ($1, $2, $3, $4)
     on conflict (payment_id) do update set since = excluded.since, next_at = excluded.next_at, claimed_until = null`,
    [payment.id, tx.tenantId, now, nextCheck(now, now, payment.polled)],
  );
}

/** Nothing is open at the payment any more. */
export async function endChecks(tx: Transaction, paymentId: string): Promise<void> {
  await tx.query('delete from payment_check where payment_id = $1', [paymentId]);
}

/** Asks at `at`, where that is sooner than the next moment. A question that is being asked now does not count: it may have left before. */
export async function checkBy(tx: Transaction, paymentId: string, at: Date, now: Date): Promise<void> {
  await tx.query(
    `insert into payment_check as c (payment_id, tenant_id, since, next_at) values ($1, $2, $3, $4)
     on conflict (payment_id) do update set claimed_until = null,
       next_at = case when c.claimed_until is null then least(c.next_at, excluded.next_at) else excluded.next_at end`,
    [paymentId, tx.tenantId, now, at],
  );
}

/** A payment to ask about now. */
export interface DueCheck {
  readonly id: string;
  readonly polled: boolean;
  /** Until when it is ours to ask, and when it is asked about after that; absent where the next moment is written already. */
  readonly claim?: { readonly until: Date; readonly next: Date | null };
}

/** Takes up to `limit` payments that are due. Each one with a claim is ended by {@link endClaim} once it was asked about. */
export async function takeDueChecks(tx: Transaction, now: Date, limit: number): Promise<DueCheck[]> {
  const rows = await tx.query<{ id: string; polled: boolean; since: Date }>(
    `select c.payment_id as id, c.since, p.polled from payment_check c join payment p on p.id = c.payment_id
     where c.next_at <= $1 order by c.next_at limit $2 for update of c skip locked`,
    [now, limit],
  );
  const until = new Date(now.getTime() + CLAIM_MS);
  const taken = rows.map(({ id, since, polled }): DueCheck & { readonly at: Date } => {
    const next = nextCheck(since, now, polled);
    return next && next <= until ? { id, polled, at: next } : { id, polled, at: until, claim: { until, next } };
  });
  await tx.query(
    `update payment_check c set next_at = v.at, claimed_until = case when v.claimed then v.at end
     from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as v (id, at, claimed) where c.payment_id = v.id`,
    [taken.map(({ id }) => id), taken.map(({ at }) => at), taken.map(({ claim }) => claim !== undefined)],
  );
  return taken.map(({ id, polled, claim }) => ({ id, polled, ...(claim && { claim }) }));
}

/** The question was asked: its next moment is written, or that there is none, where nobody else has moved it meanwhile. */
export async function endClaim(tx: Transaction, { id, claim }: DueCheck): Promise<void> {
  if (!claim) return;
  await tx.query(
    claim.next
      ? 'update payment_check set next_at = $3, claimed_until = null where payment_id = $1 and claimed_until = $2'
      : 'delete from payment_check where payment_id = $1 and claimed_until = $2',
    [id, claim.until, ...(claim.next ? [claim.next] : [])],
  );
}
