/** Runs of this lease with their events and journals; joined to a list, so that each is looked for in its own partition only. */
export const LOAD_RUNS = `
select r.id::text, r.tenant_id::text, r.flow_id::text, f.name as flow, r.revision, r.inputs, r.one_per, r.parent_run::text, r.parent_step, r.depth,
  e.id::text as event_id, e.type as event_type, e.occurred_at as event_occurred_at, e.data as event_data,
  e.source as event_source, r.chain
from unnest($2::uuid[]) as wanted(id) join run r on r.id = wanted.id
  left join flow f on f.id = r.flow_id left join event e on e.id = r.event_id
where r.epoch = $1::bigint
`;
export const LOAD_JOURNALS = `
select j.run_id::text, j.seq, j.entries from unnest($1::uuid[]) as wanted(id) join run_journal j on j.run_id = wanted.id order by j.run_id, j.seq
`;
