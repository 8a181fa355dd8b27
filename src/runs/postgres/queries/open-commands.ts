/** Commands of people that nobody has answered yet. */
export const OPEN_COMMANDS = `
select c.id::text, c.run_id::text, c.kind, c.detail, c.requested_by, r.status, r.epoch::text
from run_command c left join run r on r.id = c.run_id and r.tenant_id = c.tenant_id
where c.handled_at is null order by c.id limit 100
`;
export const ANSWER_COMMAND = `update run_command set handled_at = clock_timestamp(), answer = $2 where id = $1::bigint and handled_at is null`;
