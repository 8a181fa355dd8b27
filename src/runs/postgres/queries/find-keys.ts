/** Who had these event keys first, and with which body. */
export const FIND_KEYS = `
select k.tenant_id::text, encode(k.digest, 'hex') as digest, k.event_id::text, k.body_hash
from unnest($1::uuid[], $2::bytea[]) as w(tenant_id, digest) join event_key k using (tenant_id, digest)
`;
/** Which of these runs exist, written by a flush whose answer was lost, which of them wait for their turn, and whose they are. */
export const EXISTING_RUNS = `select id::text, status = 'queued' as queued, epoch::text from run where id = any ($1::uuid[])`;
export const READ_CURSOR = `select seq::text from event_cursor where subscriber = $1`;
