/**
 * Events of these types that came after the one that started the run; by any of the keys, when there are some. A page of `$5`, after the
 * position `$4`. Reads the tenant's part of the log since then: asked once for a run that stood in line.
 */
export const MISSED_EVENTS = `
select e.id::text, e.type, e.occurred_at, e.data, e.seq::text
from event e
where e.tenant_id = $1 and e.seq > greatest($4::bigint, (select seq from event where id = $2::uuid)) and e.type = any ($3::text[])
  and ($6::text[] is null or event_keys(e.data) && $6::text[])
order by e.seq limit $5
`;
