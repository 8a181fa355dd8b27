/** Events that a run still has: it may be read again when the run goes on or a person looks at it. For `eventRetention`. */
export const EVENTS_OF_RUNS = 'select event_id from run where event_id >= $1 and event_id < $2';
