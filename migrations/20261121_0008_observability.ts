import { Migration } from '@mikro-orm/migrations';

/** What the numbers for operators are read by (src/runs/observability, src/domain/payments, src/webhooks): an index, and columns without content. */
export class Observability extends Migration {
  override name = '20261121_0008_observability';

  override up(): void {
    // Empty as long as no run stands at a call in doubt; rows that do not are not in it and pay nothing for it.
    this.addSql(`create index run_in_doubt on run ((reason->>'since')) where reason->>'code' = 'step.in-doubt'`);
    this.addSql('grant select (started_at) on payment_attempt to kassaflow_engine');
  }
}
