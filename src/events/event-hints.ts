/**
 * Wake-ups inside this process. A hint may be lost or late: whoever waits for one also polls, and nothing that must happen
 * rests on it.
 */

/** Said on Nest's event emitter after a commit that recorded events. Carries nothing. */
export const EVENTS_RECORDED = 'events.recorded';
