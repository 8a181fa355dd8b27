/** Timers of the next while, and the database's clock, by which they are due. */
export const PEEK_TIMERS = `
select run_id::text, (extract(epoch from wake_at) * 1000)::float8 as at
from run_timer where wake_at < clock_timestamp() + $1::int * interval '1 millisecond' order by wake_at limit $2
`;
export const DATABASE_TIME = `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
