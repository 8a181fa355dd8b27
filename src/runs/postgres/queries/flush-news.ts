/**
 * The parts of a flush about waits, signals, questions, sub-flows and queues. Its data is the one JSON parameter $38.
 *
 * A run whose key is taken and whose flow says `queue` or `replace` (bit 4 of its gate; 8 for `replace`) is written as `queued`,
 * behind those that wait already. That the key becomes free meanwhile is not seen here: run-queue.ts looks right after the commit.
 */
export interface FlushParts {
  /** A condition on `candidate` for taking its key. */
  readonly mayTakeKey: string;
  readonly queued: string;
  readonly runColumns: string;
  readonly runValues: string;
  readonly runParents: string;
  readonly queuedRuns: string;
  /** What a checkpoint sets in the row of its run, and whether it changes the row's status. */
  readonly changes: string;
  readonly rows: string;
  readonly columns: string;
}

const MAY_TAKE_KEY = `and (gate & 4 = 0 or not exists (
    select from run_queue q where q.tenant_id = candidate.tenant_id and q.flow_id = candidate.flow_id and q.key = one_per))`;

const QUEUED = `, queued as (
  insert into run_queue (tenant_id, flow_id, key, run_id, replaces)
  select tenant_id, flow_id, one_per, id, gate & 8 <> 0 from candidate
  where gate & 4 <> 0 and one_per is not null and not (id in (select run_id from singled) or (ended
    and not exists (select from run_key k where k.tenant_id = candidate.tenant_id and k.flow_id = candidate.flow_id and k.key = one_per)
    ${MAY_TAKE_KEY}))
  returning run_id
), parents as (
  select p.* from json_to_recordset($38::json -> 'parents') as p(id uuid, parent_run uuid, parent_step text, depth smallint, chain smallint)
)`;

const QUEUED_RUNS = `, queued_runs as (
  insert into run (id, tenant_id, flow_id, revision, event_id, inputs, one_per, epoch, status, parent_run, parent_step, depth, chain)
  select id, tenant_id, flow_id, revision, event_id, inputs, one_per, 0, 'queued', parent_run, parent_step, depth, chain
  from candidate left join parents using (id)
  where (id in (select run_id from queued)) is true
)`;

/** Without a status only the revision changes: the run goes on under another one. */
const CHANGES = `status = coalesce(w.status, run.status), reason = case when w.status is null then run.reason else w.reason::jsonb end,
    revision = coalesce((select m.revision from json_to_recordset($38::json -> 'moved') as m(id uuid, revision int) where m.id = run.id), run.revision)`;

const ROWS = `, waits_set as (
  insert into run_wait (tenant_id, event_type, key, run_id, step, since)
  select w.tenant_id, w.event_type, w.key, w.run_id, w.step, to_timestamp(w.since / 1000.0)
  from fence, json_to_recordset($38::json -> 'waitsSet') as w(tenant_id uuid, event_type text, key text, run_id uuid, step text, since float8)
  on conflict do nothing
), waits_gone as (
  delete from run_wait r using fence, json_to_recordset($38::json -> 'waitsGone') as w(run_id uuid, step text)
  where r.run_id = w.run_id and r.step = w.step
), signals_taken as (
  delete from run_signal s using fence, json_array_elements_text($38::json -> 'signalsTaken') as t(id) where s.id = t.id::bigint
), signals as (
  insert into run_signal (tenant_id, run_id, step, kind, source, detail)
  select s.tenant_id, s.run_id, s.step, 'child', s.source, s.detail
  from fence, json_to_recordset($38::json -> 'childrenOver') as s(tenant_id uuid, run_id uuid, step text, source uuid, detail jsonb)
  where (select p.status from run p where p.id = s.run_id) not in ('completed', 'stopped', 'cancelled')
  on conflict do nothing
), questions as (
  insert into staff_task (id, tenant_id, idempotency_key, team, title, about, link, run_id, step, choices, until)
  select q.id, q.tenant_id, q.key, q.who, q.text, '', q.link, q.run_id, q.step, q.choices, to_timestamp(q.until / 1000.0)
  from fence, json_to_recordset($38::json -> 'questions')
    as q(id uuid, tenant_id uuid, key text, who text, text text, link text, run_id uuid, step text, choices text[], until float8)
  on conflict do nothing
), questions_gone as (
  update staff_task t set state = 'withdrawn', closed_at = clock_timestamp()
  from fence, json_to_recordset($38::json -> 'questionsGone') as q(run_id uuid, step text)
  where t.run_id = q.run_id and t.step = q.step and t.state = 'open'
), queue_gone as (
  delete from run_queue q using fence, json_array_elements_text($38::json -> 'queueGone') as g(run_id) where q.run_id = g.run_id::uuid
)`;

export const NEWS_PARTS: FlushParts = {
  mayTakeKey: MAY_TAKE_KEY,
  queued: QUEUED,
  runColumns: ', parent_run, parent_step, depth, chain',
  runValues: ', parent_run, parent_step, depth, chain',
  runParents: ' left join parents using (id)',
  queuedRuns: QUEUED_RUNS,
  changes: CHANGES,
  rows: ROWS,
  columns: ', array(select run_id::text from queued) as queued',
};
