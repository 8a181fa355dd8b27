import { Migration } from '@mikro-orm/migrations';

/**
 * What is due in the inbox is found tenant by tenant: finding the tenants, and the next rows of one, cost the same however many
 * deliveries of another tenant wait.
 */
export class InboxByTenant extends Migration {
  override name = '20261121_0019_inbox-by-tenant';

  override up(): void {
    this.addSql(`
create index inbox_due_of_tenant on inbox (tenant_id, next_at) where next_at is not null;
drop index inbox_due;
`);
  }
}
