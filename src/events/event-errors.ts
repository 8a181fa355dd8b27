/** What can be wrong with an event, and with taking it in. */
import { defineErrors } from '../kernel/errors.ts';

export const eventErrors = defineErrors('events', {
  'unknown-type': {
    status: 422,
    title: 'There is no such event type',
    remedy: 'fix',
    help: 'GET /v1/event-types lists them; types of your own begin with "custom.".',
  },
  'reserved-type': {
    status: 403,
    title: 'Only Kassaflow itself records events of this type',
    remedy: 'fix',
    help: 'Send a type that begins with "custom.", or usage.recorded.',
  },
  'invalid-data': { status: 500, title: 'A module recorded an event whose data do not fit the catalogue', remedy: 'never' },
  'data-too-large': {
    status: 422,
    title: 'The data of the event is larger than 64 KiB',
    remedy: 'fix',
    help: 'Send a reference to the data in place of the data.',
  },
  'time-future': {
    status: 422,
    title: 'The time of the event lies in the future',
    remedy: 'fix',
    help: 'At most 300 seconds ahead is accepted; check the clock of the sender.',
  },
  'time-too-old': { status: 422, title: 'The time of the event is more than 365 days ago', remedy: 'fix' },
  'id-reused': {
    status: 409,
    title: 'Another event with this source and id was received before',
    remedy: 'fix',
    help: 'Send the same event unchanged, or a new event under a new id.',
  },
  'batch-too-large': { status: 422, title: 'A batch holds at most 500 events', remedy: 'fix' },
  overloaded: { status: 429, title: 'More events are under way than can be taken in', remedy: 'retry' },
  unavailable: {
    status: 503,
    title: 'Events cannot be stored at the moment',
    remedy: 'retry',
    help: 'Send the event again under the same id: it is taken in once.',
  },
  'cursor-stuck': { status: 500, title: 'A subscriber said that it had handled events, and did not move its cursor', remedy: 'never' },
  'log-ahead': {
    status: 500,
    title: 'The event log holds positions that this database server has not reached',
    remedy: 'never',
    help: 'The log was restored on another server: raise event_base() as src/events/README.md says.',
  },
});
