/** Makes a lease of this process's own. No run that it will start is older than `low_water`. */
export const ACQUIRE_LEASE = `
insert into engine_lease (epoch, process, low_water, expires_at)
values (nextval('engine_epoch'), $1, $2, clock_timestamp() + $3::int * interval '1 millisecond')
returning epoch::text
`;
