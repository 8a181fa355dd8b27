import { Migration } from '@mikro-orm/migrations';

/**
 * Runs, their journals and events are cut by time, so that what is old goes with a DROP and not with a DELETE
 * (docs/decisions/0013-partitions-by-time.md).
 *
 * Ids are UUIDv7 and begin with the time, so ranges of ids are ranges of time and the primary keys stay as they are. No row is
 * moved here: what there is becomes the first partition, `<table>_origin`, which ends with the present week (events: month).
 * Later partitions are made by housekeeping; `<table>_stray` takes what has none, and should be empty.
 */
export class Partitions extends Migration {
  override name = '20261121_0006_partitions';

  override up(): void {
    this.addSql(UUID_OF_TIME);
    this.addSql(CUT);
    this.addSql(`
      select cut_by_time('run', 'id', 'week', 'with (fillfactor = 60)');
      select cut_by_time('run_journal', 'run_id', 'week', '');
      select cut_by_time('event', 'id', 'month', '');
    `);
    this.addSql('drop function cut_by_time(text, text, text, text)');
    this.addSql(FORGETTABLE_KEYS);
    this.addSql(CLAIMED_RUNS);
  }
}

const UUID_OF_TIME = `
-- The lowest UUIDv7 of a moment (RFC 9562): 48 bits of milliseconds, then zeros
create function uuid_floor(moment timestamptz) returns uuid language sql immutable parallel safe
  as $$ select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid $$;
-- The partitions of a table and the ids they take: from, not including, to. Both are null for the one that takes the rest.
create function partitions_of(parent regclass) returns table (name name, lower_id uuid, upper_id uuid) language sql stable as $$
  select c.relname,
    case when bound like 'FOR VALUES FROM (MINVALUE)%' then '00000000-0000-0000-0000-000000000000'::uuid
      else substring(bound from 'FROM \\(''([0-9a-f-]+)''\\)')::uuid end,
    substring(bound from 'TO \\(''([0-9a-f-]+)''\\)')::uuid
  from pg_inherits i join pg_class c on c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) as bound
  where i.inhparent = parent order by 2 nulls last
$$;
`;

/**
 * Puts a partitioned table in the place of an ordinary one: same columns, indexes, triggers, policies and rights, whatever earlier
 * migrations have made of them. The old table becomes its first partition. An index that is unique over columns without the key
 * cannot be so over several partitions and becomes an ordinary one (event positions are unique by their making).
 */
const CUT = `
create function cut_by_time(parent text, key text, period text, storage text) returns void language plpgsql as $cut$
declare
  origin constant text := parent || '_origin';
  stray constant text := parent || '_stray';
  definitions text[] := '{}';
  newest uuid;
  boundary uuid;
  primary_key text;
  found record;
  statement text;
begin
  select pg_get_constraintdef(oid) into primary_key from pg_constraint where conrelid = parent::regclass and contype = 'p';
  for found in
    select c.relname as name, pg_get_indexdef(i.indexrelid) as definition, i.indisprimary,
      i.indisunique and not exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any (i.indkey) and a.attname = key) as too_unique
    from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = parent::regclass
  loop
    if found.too_unique then
      definitions := definitions || replace(found.definition, 'CREATE UNIQUE INDEX', 'CREATE INDEX');
      execute format('drop index %I', found.name);
      continue;
    end if;
    if not found.indisprimary then definitions := definitions || found.definition; end if;
    execute format('alter index %I rename to %I', found.name, found.name || '_origin');
  end loop;
  for found in
    select tgname as name, pg_get_triggerdef(oid) as definition from pg_trigger where tgrelid = parent::regclass and not tgisinternal
  loop
    definitions := definitions || found.definition;
    -- triggers for rows come back with the attachment, those for statements do not
    if found.definition like '%FOR EACH ROW%' then execute format('drop trigger %I on %I', found.name, parent); end if;
  end loop;
  for found in
    select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where conrelid = parent::regclass and contype = 'f'
  loop
    definitions := definitions || format('alter table %I add constraint %I %s', parent, found.name, found.definition);
    execute format('alter table %I drop constraint %I', parent, found.name);
  end loop;
  for found in select * from pg_policies where schemaname = 'public' and tablename = parent loop
    definitions := definitions || format('create policy %I on %I as %s for %s to %s%s%s', found.policyname, parent, found.permissive, found.cmd,
      array_to_string(found.roles, ', '), ' using (' || found.qual || ')', ' with check (' || found.with_check || ')');
    if found.policyname <> 'owner_rows' then execute format('drop policy %I on %I', found.policyname, parent); end if;
  end loop;
  for found in
    select privilege_type, grantee::regrole as role, '' as columns from pg_class, aclexplode(relacl) where oid = parent::regclass and grantee <> relowner
    union all
    select x.privilege_type, x.grantee::regrole, format('(%I)', a.attname) from pg_attribute a, aclexplode(a.attacl) x where a.attrelid = parent::regclass
  loop
    definitions := definitions || format('grant %s %s on %I to %s', found.privilege_type, found.columns, parent, found.role);
    -- people and processes come through the parent; a partition by itself is the owner's alone
    execute format('revoke %s %s on %I from %s', found.privilege_type, found.columns, parent, found.role);
  end loop;

  execute format('alter table %I rename to %I', parent, origin);
  execute format('create table %I (like %I including all excluding indexes) partition by range (%I)', parent, origin, key);
  execute format('alter table %I add %s', parent, primary_key);
  execute format('alter table %I enable row level security', parent);
  execute format('alter table %I force row level security', parent);
  execute format('select %I from %I order by %I desc limit 1', key, origin, key) into newest;
  -- ids are made by the clocks of processes, which may be ahead of this one
  boundary := uuid_floor(date_trunc(period, now() at time zone 'UTC') at time zone 'UTC' + ('1 ' || period)::interval);
  if newest >= boundary then
    boundary := uuid_floor(date_trunc(period, to_timestamp(('x' || left(replace(newest::text, '-', ''), 12))::bit(48)::bigint / 1000.0) at time zone 'UTC')
      at time zone 'UTC' + ('1 ' || period)::interval);
  end if;
  foreach statement in array definitions loop execute statement; end loop;
  execute format('alter table %I attach partition %I for values from (minvalue) to (%L)', parent, origin, boundary);
  execute format('create table %I partition of %I default %s', stray, parent, storage);
  execute format('alter table %I enable row level security', stray);
  execute format('alter table %I force row level security', stray);
  execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', stray);
  for found in
    select pg_get_triggerdef(oid) as definition from pg_trigger where tgrelid = parent::regclass and not tgisinternal and tgtype & 1 = 0
  loop
    execute replace(found.definition, format(' ON public.%I ', parent), format(' ON public.%I ', stray));
  end loop;
end $cut$;
`;

/** Housekeeping takes keys away with their events; everybody else is refused as before, the owner too. */
const FORGETTABLE_KEYS = `
create function refuse_change_unless_forgetting() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('kassaflow.forgetting', true) = 'on' then return old; end if;
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '55000';
end $$;
drop trigger append_only on event_key;
create trigger append_only before update or delete on event_key for each row execute function refuse_change_unless_forgetting();
`;

/**
 * A run that wakes after weeks is far below the low-water mark of its lease. It is found by this index instead, so that a successor
 * need not look at every run since. Runs that never slept are not in it, and a column that stays null keeps their updates HOT.
 */
const CLAIMED_RUNS = `
alter table run add column claimed_by bigint;
create index run_claimed on run (claimed_by) where claimed_by is not null;
`;
