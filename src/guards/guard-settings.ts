/** What a tenant allows: read, and changed by whoever has read the version that it replaces. */
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/transaction.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { GuardBook } from './guard-book.ts';
import { guardErrors } from './guard-errors.ts';
import { completeRules, rulesSchema, type GuardRules, type GuardRulesDraft } from './guard-rules.ts';

/** `version` is 0 while the tenant has said nothing and the defaults hold. */
export interface TenantGuards {
  readonly version: number;
  /** What the tenant says itself. */
  readonly own: GuardRulesDraft;
  /** With the defaults filled in. */
  readonly rules: GuardRules;
}

@Injectable()
export class GuardSettings {
  constructor(
    private readonly database: Database,
    private readonly book: GuardBook,
    private readonly audit: Audit,
  ) {}

  async read(tenantId: string): Promise<TenantGuards> {
    const [row] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ version: number; rules: unknown }>('select version, rules from guard_settings'),
    );
    if (!row) return { version: 0, own: {}, rules: completeRules({}) };
    const own = rulesSchema.parse(row.rules); // was checked when it was written
    return { version: row.version, own, rules: completeRules(own) };
  }

  /**
   * Replaces what the tenant says; steps that rest because of a cap ask again within a second.
   * @param expected the version that the caller has changed @throws guard.changed
   */
  async replace(tenantId: string, own: GuardRulesDraft, expected: number, actor: string): Promise<TenantGuards> {
    const version = expected + 1;
    await this.database.transact(tenantId, async (tx) => {
      const rows =
        expected === 0
          ? await tx.query(
              `insert into guard_settings (tenant_id, version, rules, updated_by) values ($1, $2, $3::jsonb, $4)
               on conflict (tenant_id) do nothing returning version`,
              [tenantId, version, JSON.stringify(own), actor],
            )
          : await tx.query(
              `update guard_settings set version = $2, rules = $3::jsonb, updated_by = $4, updated_at = clock_timestamp()
               where tenant_id = $1 and version = $5 returning version`,
              [tenantId, version, JSON.stringify(own), actor, expected],
            );
      if (rows.length === 0) throw guardErrors.changed();
      await this.audit.append(tx, { actor, action: 'guards.change', subject: 'guards', detail: { version, rules: JSON.stringify(own) } });
    });
    await this.book.refresh();
    return { version, own, rules: completeRules(own) };
  }
}
