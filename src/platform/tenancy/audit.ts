/** Who did what: one append-only entry per administrative act, in the transaction of the act itself. */
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.ts';

/** One act. */
export interface AuditDraft {
  /** `key/key_…`, `cli`, `run/run_…`, `system`. */
  readonly actor: string;
  /** Imperative, as actions are: `api-key.revoke`, `payment.refund`, `flow.publish`. */
  readonly action: string;
  /** What it was done to: `payment/pay_…`. */
  readonly subject: string;
  /** Particulars that an auditor needs; never a secret, never personal data that the subject already holds. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

@Injectable()
export class Audit {
  /** Records the act; it commits or vanishes together with what `tx` did. */
  async append(tx: Transaction, { actor, action, subject, detail = {} }: AuditDraft): Promise<void> {
    await tx.query('insert into audit_entry (tenant_id, actor, action, subject, detail) values ($1, $2, $3, $4, $5::jsonb)', [
      tx.tenantId,
      actor,
      action,
      subject,
      JSON.stringify(detail),
    ]);
  }
}
