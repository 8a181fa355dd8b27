import { Migration } from '@mikro-orm/migrations';

/** Short-lived credentials for browsers (src/platform/auth/stream-tokens.ts). */
export class StreamTokens extends Migration {
  override name = '20261121_0016_stream-tokens';

  override up(): void {
    for (const statement of [TOKENS, ROW_SECURITY, FUNCTIONS]) this.addSql(statement);
  }
}

const TOKENS = `
create table stream_token (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  mode text not null check (mode in ('test', 'live')),
  secret_hash bytea not null,
  -- follow: opens streams only; checkout: the payer's browser, which may also pay in the one session it is about
  purpose text not null check (purpose in ('follow', 'checkout')),
  -- payment/pay_… for one thing, payment/* for all of a kind
  about text[] not null check (cardinality(about) between 1 and 100),
  -- the key that it was made with and ends with; null for one that outlives it
  api_key_id uuid references api_key,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check (expires_at > created_at)
);
create index stream_token_listed on stream_token (tenant_id, id);
create index stream_token_of_key on stream_token (api_key_id) where api_key_id is not null and revoked_at is null;
create index stream_token_ended on stream_token (expires_at);
create index stream_token_revoked on stream_token (revoked_at) where revoked_at is not null;
`;

const ROW_SECURITY = `
alter table stream_token enable row level security;
alter table stream_token force row level security;
create policy tenant_rows on stream_token to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy owner_rows on stream_token to kassaflow_owner using (true) with check (true);
grant select, insert on stream_token to kassaflow_app;
grant update (revoked_at) on stream_token to kassaflow_app;
`;

const FUNCTIONS = `
-- what must be known before the tenant is, and what ends streams that are open: ids alone tell nothing
create function find_stream_token(token uuid) returns setof stream_token language sql stable security definer set search_path = public
  as $$ select * from stream_token where id = token $$;
create function revoked_stream_tokens(since timestamptz) returns setof uuid language sql stable security definer set search_path = public
  as $$ select id from stream_token where revoked_at >= since $$;
revoke all on function find_stream_token(uuid), revoked_stream_tokens(timestamptz) from public;
grant execute on function find_stream_token(uuid), revoked_stream_tokens(timestamptz) to kassaflow_app;
`;
