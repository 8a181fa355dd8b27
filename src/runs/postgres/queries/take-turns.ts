/**
 * One-per keys and those that wait for them. `$3` (or `$1`) are keys as JSON.
 *
 * The oldest queued run takes its key when nobody has it, and becomes this lane's in the same statement.
 */
export const TAKE_TURNS = `
with next as materialized (
  select distinct on (q.tenant_id, q.flow_id, q.key) q.tenant_id, q.flow_id, q.key, q.run_id
  from json_to_recordset($3::json) as k(tenant_id uuid, flow_id uuid, key text)
    join run_queue q on q.tenant_id = k.tenant_id and q.flow_id = k.flow_id and q.key = k.key
  order by q.tenant_id, q.flow_id, q.key, q.position
), lease as (
  select epoch from engine_lease where epoch = $1::bigint and last_flush = $2::bigint and taken_by is null for no key update
), holder as (
  insert into run_key (tenant_id, flow_id, key, run_id) select n.tenant_id, n.flow_id, n.key, n.run_id from lease, next n
  on conflict do nothing
  returning run_id
), gone as (
  delete from run_queue q using holder h where q.run_id = h.run_id
)
update run set epoch = $1::bigint, claimed_by = $1::bigint, status = 'running'
from holder where run.id = holder.run_id and run.epoch = 0 and run.status = 'queued'
returning run.id::text
`;

/** Which run stands last in line to replace the others, and who has the key. */
export const REPLACEMENTS = `
select distinct on (q.tenant_id, q.flow_id, q.key) q.tenant_id::text, q.flow_id::text, q.key, q.run_id::text, q.position::text, h.run_id::text as holder
from json_to_recordset($1::json) as k(tenant_id uuid, flow_id uuid, key text)
  join run_queue q on q.tenant_id = k.tenant_id and q.flow_id = k.flow_id and q.key = k.key
  left join run_key h on h.tenant_id = q.tenant_id and h.flow_id = q.flow_id and h.key = q.key
where q.replaces
order by q.tenant_id, q.flow_id, q.key, q.position desc
`;

/** Ends those that are queued before the one that replaces them, and tells the one that has the key to end. `by` is `run/run_…`. */
export const REPLACE = `
with r as (
  select * from json_to_recordset($1::json) as r(tenant_id uuid, flow_id uuid, key text, run_id uuid, position bigint, holder uuid, by text)
), passed as (
  delete from run_queue q using r
  where q.tenant_id = r.tenant_id and q.flow_id = r.flow_id and q.key = r.key and q.position < r.position
  returning q.run_id, r.by
), ended as (
  update run set status = 'cancelled', finished_at = clock_timestamp(), reason = json_build_object('message', 'Cancelled by ' || passed.by || '.')
  from passed where run.id = passed.run_id and run.status = 'queued' and run.epoch = 0
)
insert into run_command (tenant_id, run_id, kind, requested_by)
select r.tenant_id, r.holder, 'cancel', r.by from r
where r.holder is not null and not exists (select from run_command c where c.run_id = r.holder and c.kind = 'cancel' and c.answer ->> 'refused' is null)
`;

/** Keys whose turn was not given because a process died between an end and that, and those that a run waits to replace. */
export const FORGOTTEN_TURNS = `
select q.tenant_id, q.flow_id, q.key from run_queue q
where q.replaces or not exists (select from run_key k where k.tenant_id = q.tenant_id and k.flow_id = q.flow_id and k.key = q.key)
group by 1, 2, 3 limit $1
`;
