/** Every run that this lease owns: after an answer was lost, some may be its own without it knowing. They count as claimed from now on. */
export const OWN_STARTED = `
update run set claimed_by = epoch
where id >= (select low_water from engine_lease where epoch = $1::bigint) and epoch = $1::bigint
returning id::text
`;
export const OWN_CLAIMED = `select id::text from run where claimed_by = $1::bigint and epoch = $1::bigint`;
