/**
 * What became of a charge that failed, written down in the transaction in which it fails: what kind of no it was, whose word that is,
 * and when the charge is repeated. It is decided once, so that every caller reads the same.
 *
 * A payment that the customer makes has no row here, because nobody repeats it for them; its event says the class all the same.
 */
import type { PaymentFailure } from '@kassaflow/plugin-sdk';
import type { Decline } from '../../../events/catalogue/payment.events.ts';
import type { Transaction } from '../../../platform/database/transaction.ts';
import { adviceFor, methodClass, nextRepeat, readDunning, type DeclineAdvice, type Dunning } from '../../dunning/index.ts';
import type { PaymentRow } from '../payment.entity.ts';
import type { Facts } from '../payment.ts';

/** Why a payment has no money, or has lost it; `undefined` when neither is so. */
export function failureIn(
  payment: Pick<PaymentRow, 'state'>,
  { failure, chargedBack, disputes = [] }: Pick<Facts, 'failure' | 'chargedBack' | 'disputes'>,
): PaymentFailure | undefined {
  if (payment.state === 'failed') return failure ?? { reason: 'other', retryable: true };
  if (chargedBack === 0n) return undefined;
  const code = disputes.findLast(({ state }) => state === 'opened' || state === 'lost')?.reason ?? failure?.providerCode ?? '';
  // A bank's return code says whether a debit may come again. With a card, whoever objects is spoken with first.
  if (!RETURN_CODE.test(code)) return { reason: 'cancelled-by-customer', retryable: false };
  return failure?.providerCode === code ? failure : { reason: 'other', providerCode: code, retryable: true };
}

/** @param payment locked, and saved with the state that the failure led to */
export async function recordDecline(tx: Transaction, payment: PaymentRow, failure: PaymentFailure, now: Date): Promise<Decline> {
  if (!payment.mandateId) return wireDecline(adviceFor({ method: payment.method ?? '', ...failure }), undefined, false);
  const dunning = await readDunning(tx);
  const [mandate] = await tx.query<MandateState>(
    `select m.kind, m.state, m.provider_retries as "providerRetries",
       (select max(p.completed_at) from payment p where (p.mandate_id = m.id or p.id = m.payment_id) and p.id <> $2) as "lastSuccess"
     from mandate m where m.id = $1`,
    [payment.mandateId, payment.id],
  );
  const advice = adviceFor({ ...failure, method: payment.method ?? mandate?.kind ?? '' }, dunning.schedules);
  const [share] = await tx.query<{ id: string }>(
    'select invoice_id as id from payment_invoice where payment_id = $1 order by position limit 1',
    [payment.id],
  );
  const canRepeat = mandate && share && mandate.state === 'active' && !mandate.providerRetries;
  const repeat = canRepeat ? await repeatOf(tx, { payment, failure, advice, mandate, invoiceId: share.id, dunning, now }) : undefined;
  await tx.query(
    `insert into decline (payment_id, tenant_id, mandate_id, invoice_id, failed_at, class, source, code, retry_at, quick, person)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (payment_id) do update set (failed_at, class, source, code, retry_at, quick, person) =
       (excluded.failed_at, excluded.class, excluded.source, excluded.code, excluded.retry_at, excluded.quick, excluded.person)`,
    [
      payment.id,
      tx.tenantId,
      payment.mandateId,
      share?.id ?? null,
      now,
      advice.class,
      advice.source,
      advice.code,
      repeat?.at ?? null,
      repeat?.quick ?? false,
      advice.person,
    ],
  );
  return wireDecline(advice, repeat?.at, true);
}

/** What was recorded of a payment's failure. */
export async function declineOf(tx: Transaction, paymentId: string): Promise<Decline | undefined> {
  const [row] = await tx.query<Said & { retryAt: Date | null }>(
    'select class, source, code, person, retry_at as "retryAt" from decline where payment_id = $1',
    [paymentId],
  );
  return row && wireDecline(row, row.retryAt ?? undefined, true);
}

/** What of an advice is kept and told. */
type Said = Pick<DeclineAdvice, 'class' | 'source' | 'code' | 'person'>;

/** A failure in the words of callers and events. */
export function wireDecline({ class: of, source, code, person }: Said, retryAt: Date | undefined, unattended: boolean): Decline {
  const retryable = of === 'transient' || of === 'soft';
  return { class: of, source, code, retryable, retryAt: retryAt?.toISOString() ?? '', unattended, person };
}

/** The form of SEPA's return codes: `AM04`, `MD06`. */
export const RETURN_CODE = /^[A-Z]{2}[0-9]{2}$|^(DUPL|FRAD)$/;

interface MandateState {
  readonly kind: string;
  readonly state: string;
  readonly providerRetries: boolean;
  readonly lastSuccess: Date | null;
}

async function repeatOf(
  tx: Transaction,
  known: {
    readonly payment: PaymentRow;
    readonly failure: PaymentFailure;
    readonly advice: DeclineAdvice;
    readonly mandate: MandateState;
    readonly invoiceId: string;
    readonly dunning: Dunning;
    readonly now: Date;
  },
): Promise<{ readonly at: Date; readonly quick: boolean } | undefined> {
  const { payment, failure, advice, mandate, invoiceId, dunning, now } = known;
  const [earlier] = await tx.query<{ firstAt: Date | null; quick: number; scheduled: number }>(
    `select min(failed_at) as "firstAt", count(*) filter (where quick)::int as quick,
       count(*) filter (where not quick and retry_at is not null)::int as scheduled
     from decline where invoice_id = $1 and mandate_id = $2 and payment_id <> $3`,
    [invoiceId, payment.mandateId, payment.id],
  );
  const isDebit = methodClass(mandate.kind) === 'direct-debit';
  const isPoor = failure.reason === 'insufficient-funds' || /^am0[46]$/i.test(advice.code);
  return nextRepeat(
    advice,
    now,
    { firstAt: earlier?.firstAt ?? undefined, quick: earlier?.quick ?? 0, scheduled: earlier?.scheduled ?? 0 },
    {
      onBankDays: isDebit,
      lastSuccess: isDebit ? undefined : (mandate.lastSuccess ?? undefined),
      payDay: isPoor ? (dunning.payDay ?? undefined) : undefined,
    },
    dunning.quiet,
  );
}
