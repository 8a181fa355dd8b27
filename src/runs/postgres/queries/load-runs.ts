/** Runs of this lease with their events and journals. */
export const LOAD_RUNS = `
select r.id::text, r.tenant_id::text, r.flow_id::text, f.name as flow, r.revision, r.inputs, r.one_per,
  e.id::text as event_id, e.type as event_type, e.occurred_at as event_occurred_at, e.data as event_data
from run r left join flow f on f.id = r.flow_id left join event e on e.id = r.event_id
where r.id = any ($2::uuid[]) and r.epoch = $1::bigint
`;
export const LOAD_JOURNALS = `select run_id::text, seq, entries from run_journal where run_id = any ($1::uuid[]) order by run_id, seq`;
