import { Migration } from '@mikro-orm/migrations';

/** The address at which an invoice is paid (src/domain/invoices/pay-url.ts). */
export class InvoiceLinks extends Migration {
  override name = '20261121_0021_invoice-links';

  override up(): void {
    this.addSql(LINKS);
  }
}

const LINKS = `
-- 128 bits or so that only who has the address knows; it is stored as it is, because the address stands in the events of the invoice.
-- Invoices from before get one of their own: gen_random_uuid() is drawn for each row, from a strong source
alter table invoice add column link_secret text not null default replace(gen_random_uuid()::text, '-', '') check (length(link_secret) between 22 and 64);
-- whoever opens the address has no credential but it: whose invoice it is must be known before it can be checked
create function find_invoice_tenant(wanted uuid) returns uuid language sql stable security definer set search_path = public
  as $$ select tenant_id from invoice where id = wanted $$;
revoke all on function find_invoice_tenant(uuid) from public;
grant execute on function find_invoice_tenant(uuid) to kassaflow_app;
`;
