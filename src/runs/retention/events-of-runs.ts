/** Events that stay, for `eventRetention`: `$1` is the lowest id, `$2` the one after the highest. */
export const EVENTS_OF_RUNS: readonly string[] = [
  // What started a run: it is read again when the run goes on, or when a person looks at it.
  'select event_id from run where event_id >= $1 and event_id < $2',
  // What a run is still to be told of.
  `select source from run_signal where kind = 'event' and source >= $1 and source < $2`,
];
