export const NEWEST_REVISION = `select revision from flow where id = $1`;
/** Only the lane that has the run may do it. */
export const MOVE_RUN = `update run set revision = $2 where id = $1 and epoch = $3::bigint`;
