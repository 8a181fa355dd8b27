import { NEWS_PARTS, type FlushParts } from './flush-news.ts';

/**
 * Everything that many runs and events want written, in one statement and so in one transaction.
 *
 * `fence` comes first: it returns a row only while this lane owns its lease and flush n has not been committed yet, and every
 * other part selects from it. Sub-selects that test membership stand in an `or` or under `is true`, so that Postgres hashes
 * them and does not turn them into joins, which are nested loops on these connections.
 *
 * Hot parts travel as binary arrays ($5–$36), rare ones as one JSON parameter ($37).
 */
const flush = (news: FlushParts) => `
with fence as (
  update engine_lease
  set last_flush = $2::bigint, expires_at = clock_timestamp() + $3::int * interval '1 millisecond', low_water = $4::uuid
  where epoch = $1::bigint and last_flush = $2::bigint - 1 and taken_by is null
  returning epoch
), moved as (
  update event_cursor c set seq = m.up_to, updated_at = clock_timestamp()
  from fence, json_to_record($37::json -> 'cursor') as m(subscriber text, after bigint, up_to bigint)
  where c.subscriber = m.subscriber and c.seq = m.after
  returning c.seq
), incoming as materialized (
  select e.* from fence, unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::json[], $13::boolean[], $14::bytea[], $15::bytea[])
    as e(id, tenant_id, source, source_id, type, subject, occurred_at, data, routed, digest, body_hash)
), accepted as (
  insert into event_key (tenant_id, digest, event_id, body_hash)
  select tenant_id, digest, id, body_hash from incoming
  on conflict do nothing
  returning event_id
), logged as (
  insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
  select id, tenant_id, source, source_id, type, subject, occurred_at, data, routed from incoming
  where (id in (select event_id from accepted)) is true
), candidate as materialized (
  select r.* from fence, unnest($16::uuid[], $17::uuid[], $18::uuid[], $19::int[], $20::uuid[], $21::json[], $22::text[], $23::text[], $24::json[], $25::boolean[], $26::boolean[], $27::int[])
    as r(id, tenant_id, flow_id, revision, event_id, inputs, one_per, status, reason, leaves, ended, gate)
  where gate & 3 = 0 or (gate & 3 = 1 and event_id in (select event_id from accepted)) or (gate & 3 = 2 and exists (select from moved))
), singled as (
  insert into run_key (tenant_id, flow_id, key, run_id)
  select tenant_id, flow_id, one_per, id from candidate where one_per is not null and not ended ${news.mayTakeKey}
  on conflict do nothing
  returning run_id
)${news.queued}, started as (
  insert into run (id, tenant_id, flow_id, revision, event_id, inputs, one_per, epoch, status, reason, finished_at${news.runColumns})
  select id, tenant_id, flow_id, revision, event_id, inputs, one_per, case when leaves then 0 else $1::bigint end, status, reason,
    case when ended then clock_timestamp() end${news.runValues}
  from candidate${news.runParents}
  where one_per is null or id in (select run_id from singled)
    or (ended and not exists (select from run_key k where k.tenant_id = candidate.tenant_id and k.flow_id = candidate.flow_id and k.key = one_per)${news.mayTakeKey})
  returning id
)${news.queuedRuns}, written as (
  insert into run_journal (run_id, seq, tenant_id, entries)
  select j.run_id, j.seq, j.tenant_id, j.entries
  from fence, unnest($28::uuid[], $29::int[], $30::uuid[], $31::json[], $32::boolean[]) as j(run_id, seq, tenant_id, entries, starts)
  where not starts or run_id in (select id from started)
), changed as (
  update run set ${news.changes}, epoch = case when w.how >= 1 then 0 else run.epoch end,
    claimed_by = case when w.how >= 1 then null else run.claimed_by end,
    finished_at = case when w.how = 2 then clock_timestamp() end
  from fence, unnest($33::uuid[], $34::text[], $35::json[], $36::int[]) as w(id, status, reason, how)
  where run.id = w.id and run.epoch = $1::bigint
), timers_set as (
  insert into run_timer (wake_at, run_id, tenant_id)
  select to_timestamp(t.at / 1000.0), t.run_id, t.tenant_id
  from fence, json_to_recordset($37::json -> 'timersSet') as t(at bigint, run_id uuid, tenant_id uuid)
  on conflict do nothing
), timers_gone as (
  delete from run_timer r using fence, json_to_recordset($37::json -> 'timersGone') as t(at bigint, run_id uuid, tenant_id uuid)
  where r.tenant_id = t.tenant_id and r.wake_at = to_timestamp(t.at / 1000.0) and r.run_id = t.run_id
), keys_gone as (
  delete from run_key k using fence, json_to_recordset($37::json -> 'keysGone') as g(tenant_id uuid, flow_id uuid, key text, run_id uuid)
  where k.tenant_id = g.tenant_id and k.flow_id = g.flow_id and k.key = g.key and k.run_id = g.run_id
), attentions as (
  insert into run_attention (run_id, step, tenant_id, kind, detail)
  select a.run_id, a.step, a.tenant_id, a.kind, json_build_object('message', a.message)
  from fence, json_to_recordset($37::json -> 'attentions') as a(run_id uuid, step text, tenant_id uuid, kind text, message text)
), attentions_over as (
  update run_attention r set resolved_at = clock_timestamp()
  from fence, json_to_recordset($37::json -> 'attentionsOver') as a(run_id uuid, step text)
  where r.run_id = a.run_id and r.step = a.step and r.resolved_at is null
), answered as (
  update run_command c set handled_at = clock_timestamp(), answer = a.answer
  from fence, json_to_recordset($37::json -> 'answers') as a(id bigint, answer json)
  where c.id = a.id and c.handled_at is null
)${news.rows}
select
  (select count(*)::int from fence) as fenced,
  (select count(*)::int from moved) as moved,
  case when (select count(*) from accepted) <> cardinality($5::uuid[]) then array(select event_id::text from accepted) end as accepted,
  case when (select count(*) from started) <> cardinality($16::uuid[]) then array(select id::text from started) end as started${news.columns}
`;

/** A flush that writes nothing but what every run needs. */
export const FLUSH = flush({
  mayTakeKey: '',
  queued: '',
  runColumns: '',
  runValues: '',
  runParents: '',
  queuedRuns: '',
  changes: 'status = w.status, reason = w.reason',
  rows: '',
  columns: '',
});
/** The same with what runs wait for, are told, ask and start, in $38: a statement of its own, so that others do not pay for it. */
export const FLUSH_WITH_NEWS = flush(NEWS_PARTS);

export interface FlushRow {
  readonly fenced: number;
  readonly moved: number;
  /** Events that were new; null when all were. */
  readonly accepted: readonly string[] | null;
  /** Runs that were started; null when all were. */
  readonly started: readonly string[] | null;
  /** Runs whose key is taken and that wait for their turn; absent when the statement asks for none. */
  readonly queued?: readonly string[];
}
