/** What a tenant says of collecting: when charges are repeated, when nobody is disturbed, how debits are announced. */
import { z } from 'zod';
import type { Transaction } from '../../platform/database/transaction.ts';
import { SCHEDULES, type Schedules } from './decline-advice.ts';
import type { Quiet } from './quiet-hours.ts';

/** Card schemes let a card be charged for 30 days; a direct debit that is asked for longer is a lawyer's matter. */
const days = z
  .array(z.int().min(1).max(60))
  .max(8)
  .refine((list) => list.every((day, index) => index === 0 || day > (list[index - 1] ?? 0)), { params: { code: 'request.range' } });
const hour = z.int().min(0).max(23);

export const policySchema = z
  .strictObject({
    cardDays: days.meta({ description: 'Days after the first failure on which a card or payer’s account is charged again' }),
    debitDays: days.meta({ description: 'The same for direct debits' }),
    quietFrom: hour.meta({ description: 'From this hour, by the clocks of the tenant, nobody is disturbed' }),
    quietUntil: hour,
    payDay: z.int().min(1).max(31).nullable().meta({ description: 'Day of the month on which customers are paid' }),
    noticeDays: z.int().min(1).max(14).meta({ description: 'Days between the announcement of a direct debit and the day it is due' }),
    noticeRequired: z.boolean().meta({ description: 'Refuse a direct debit of an invoice that was not announced here' }),
    linkDays: z.int().min(1).max(90).meta({ description: 'For how many days a customer can approve a charge that a bank has stopped' }),
    creditorId: z.string().max(35).meta({ description: 'SEPA creditor identifier, for announcements' }),
  })
  .meta({ id: 'DunningPolicy' });

export type DunningPolicy = z.infer<typeof policySchema>;

export const DEFAULT_POLICY: DunningPolicy = {
  cardDays: [...SCHEDULES.card],
  debitDays: [...SCHEDULES['direct-debit']],
  quietFrom: 22,
  quietUntil: 8,
  payDay: null,
  noticeDays: 14,
  noticeRequired: false,
  linkDays: 45,
  creditorId: '',
};

/** The policy, with what of it depends on the tenant's zone. */
export interface Dunning extends DunningPolicy {
  readonly quiet: Quiet;
  readonly schedules: Schedules;
}

export async function readDunning(tx: Transaction): Promise<Dunning> {
  const [row] = await tx.query<Partial<DunningPolicy> & { timeZone: string; known: boolean }>(
    `select t.time_zone as "timeZone", p.tenant_id is not null as known, p.card_days as "cardDays", p.debit_days as "debitDays",
       p.quiet_from as "quietFrom", p.quiet_until as "quietUntil", p.pay_day as "payDay", p.notice_days as "noticeDays",
       p.notice_required as "noticeRequired", p.link_days as "linkDays", p.creditor_id as "creditorId"
     from tenant t left join dunning_policy p on p.tenant_id = t.id where t.id = $1`,
    [tx.tenantId],
  );
  const { timeZone = 'UTC', known = false, ...said } = row ?? {};
  // The row has all fields or is not there.
  const policy = known ? (said as DunningPolicy) : DEFAULT_POLICY;
  return {
    ...policy,
    quiet: { timeZone, from: policy.quietFrom, until: policy.quietUntil },
    schedules: { card: policy.cardDays, 'direct-debit': policy.debitDays },
  };
}

/** Writes the whole policy; from then on the defaults do not matter to this tenant. */
export async function writePolicy(tx: Transaction, policy: DunningPolicy, now: Date): Promise<void> {
  await tx.query(
    `insert into dunning_policy (tenant_id, card_days, debit_days, quiet_from, quiet_until, pay_day, notice_days, notice_required,
       link_days, creditor_id, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (tenant_id) do update set (card_days, debit_days, quiet_from, quiet_until, pay_day, notice_days, notice_required,
       link_days, creditor_id, updated_at) = (excluded.card_days, excluded.debit_days, excluded.quiet_from, excluded.quiet_until,
       excluded.pay_day, excluded.notice_days, excluded.notice_required, excluded.link_days, excluded.creditor_id, excluded.updated_at)`,
    [
      tx.tenantId,
      policy.cardDays,
      policy.debitDays,
      policy.quietFrom,
      policy.quietUntil,
      policy.payDay,
      policy.noticeDays,
      policy.noticeRequired,
      policy.linkDays,
      policy.creditorId,
      now,
    ],
  );
}
