/**
 * Bugs that the simulation must find. Each is a lie of the simulated world around the engine (its database, its process, its provider's
 * manifest): the engine's own code has no switch.
 */
export const PLANTED_BUGS = {
  'fresh-key-per-attempt': 'every attempt of a step has an idempotency key of its own',
  'ack-before-commit': 'the sender of an event is answered before the event is on disk',
  'no-event-key': 'an event that is delivered again is recorded again',
  'short-event-memory': 'the key of an event is forgotten after a second',
  'no-fence': 'a process writes on after its lease was taken',
  'timer-deleted-first': 'a timer is deleted before its run is taken up',
  'key-outlives-provider': "a step's key is trusted for longer than the provider remembers it",
  'signal-deleted-first': 'a signal is deleted when it is handed over, not when it is recorded',
  'turn-given-twice': 'a key is given to the next in line while another run has it',
  'turn-out-of-order': 'a key is given to the last in line',
  'undo-forgotten': 'a run that is taken up again does not know what it has taken back',
  'intent-not-waited-for': 'a process takes its flush for committed when the connection broke',
  'stale-reply-trusted': 'a process that was paused trusts the answer to a flush that was committed before its lease was taken',
  'turn-forgotten': 'a flush whose answer was lost takes a run for its own that was queued and has had its turn elsewhere since',
} as const;

export type PlantedBug = keyof typeof PLANTED_BUGS;
