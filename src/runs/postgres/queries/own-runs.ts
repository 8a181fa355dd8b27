/** Every run that this lease owns: after an answer was lost, some may be its own without it knowing. */
export const OWN_RUNS = `select id::text from run where id >= (select low_water from engine_lease where epoch = $1::bigint) and epoch = $1::bigint`;
