/** Commands that nobody has answered yet, those of people before those of bulk jobs; a page after the command ($1, $2). */
export const OPEN_COMMANDS = `
select c.id::text, c.run_id::text, c.kind, c.detail, c.requested_by, c.reason, c.bulk_job is not null as is_bulk, r.status, r.epoch::text
from run_command c left join run r on r.id = c.run_id and r.tenant_id = c.tenant_id
where c.handled_at is null and (c.bulk_job is not null, c.id) > ($1::boolean, $2::bigint)
order by c.bulk_job is not null, c.id limit $3
`;
export const STILL_OPEN = `select id::text from run_command where id = any ($1::bigint[]) and handled_at is null`;
export const ANSWER_COMMAND = `update run_command set handled_at = clock_timestamp(), answer = $2 where id = $1::bigint and handled_at is null`;
